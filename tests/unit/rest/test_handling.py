"""Answers and problems in the format of API Gateway's proxy integration."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import pytest

from rest.handling import flag, handle, header, json_response, model_of, refuse_unknown, resource_of, whole_number, word
from rest.problems import ProblemError, invalid, invalid_field, unavailable
from tests.unit.steps import grows_linearly

LOG = logging.getLogger("test")


def event(**more: Any) -> dict[str, Any]:
    return {"resource": "/models", "requestContext": {"requestId": "r"}, **more}


def test_what_goes_wrong_for_a_client_becomes_a_problem() -> None:
    def work(_event: Any, _facts: Any) -> Any:
        raise unavailable("busy", seconds=7)

    response = handle(event(), work, log=LOG)
    assert (response["statusCode"], response["headers"]["Retry-After"]) == (503, "7")
    assert json.loads(response["body"]) == {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "detail": "busy",
        "request_id": "r",
    }


def test_one_path_for_all_models_is_read_as_a_path_for_each() -> None:
    one = event(resource="/models/{model}/runs/{run_id}", pathParameters={"model": "churn", "run_id": "r"})
    assert resource_of(one) == "/models/churn/runs/{run_id}"
    assert resource_of(event(resource="/models/churn/runs")) == "/models/churn/runs"
    with pytest.raises(ProblemError) as raised:
        resource_of(event(resource="/models/{model}", pathParameters={"model": "churn/versions/3"}))
    assert raised.value.status == HTTPStatus.NOT_FOUND


def test_what_is_our_fault_is_raised_and_logged_with_the_id_that_the_client_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def work(_event: Any, _facts: Any) -> Any:
        raise KeyError("ours")

    with pytest.raises(KeyError):
        handle(event(), work, log=LOG)
    (record,) = caplog.records
    assert (record.message, record.__dict__["request_id"], record.levelname) == ("Failed", "r", "ERROR")
    assert record.exc_info is not None


def test_facts_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    def work(_event: Any, facts: dict[str, Any]) -> Any:
        facts["model"] = "m"
        return json_response({"a": 1})

    with caplog.at_level("INFO", logger="test"):
        assert handle(event(), work, log=LOG)["body"] == '{"a": 1}'
    (record,) = caplog.records
    assert (record.message, vars(record)["model"], vars(record)["request_id"]) == ("Answered", "m", "r")


@pytest.mark.parametrize(
    ("errors", "detail"),
    [
        ([{"instance": 3, "field": "age", "reason": "is missing"}], "instance 3, age: is missing"),
        ([{"instance": 3, "field": None, "reason": "must be an object"}], "instance 3: must be an object"),
        ([{"instance": None, "field": "limit", "reason": "is wrong"}], "limit: is wrong"),
        ([{"instance": None, "field": "", "reason": "is no JSON"}], "body: is no JSON"),
    ],
)
def test_the_first_error_is_told_in_a_sentence(errors: list[dict[str, Any]], detail: str) -> None:
    assert invalid(errors).detail == f"1 invalid value(s); the first: {detail}"


def test_headers_are_found_in_any_case() -> None:
    assert header(event(headers={"Content-TYPE": "a"}), "content-type") == "a"
    assert header(event(headers=None), "content-type") == ""


def test_parameters_of_the_query() -> None:
    sent = event(queryStringParameters={"explain": "true", "limit": "7", "before": "x"})
    assert (flag(sent, "explain"), whole_number(sent, "limit", low=1, high=9, default=2), word(sent, "before")) == (
        True,
        7,
        "x",
    )
    nothing = event(queryStringParameters=None)
    assert (flag(nothing, "explain"), whole_number(nothing, "limit", low=1, high=9, default=2)) == (False, 2)
    with pytest.raises(ProblemError) as caught:
        flag(event(queryStringParameters={"explain": "True"}), "explain")
    assert caught.value.detail.endswith("explain: must be true or false, is 'True'")


@pytest.mark.parametrize("resource", ["/", "/models", "/models/b/runs"])
def test_an_unknown_model_is_not_found(resource: str) -> None:
    assert model_of("/models/a/runs", {"a": 1}) == 1
    with pytest.raises(ProblemError) as caught:
        model_of(resource, {"a": 1})
    assert caught.value.status == HTTPStatus.NOT_FOUND


def test_a_field_of_no_instance() -> None:
    assert invalid_field("limit", "is wrong").errors == [{"instance": None, "field": "limit", "reason": "is wrong"}]


@pytest.mark.parametrize(
    "read",
    [
        lambda text: flag({"queryStringParameters": {"flag": text}}, "flag"),
        lambda text: whole_number({"queryStringParameters": {"n": text}}, "n", low=1, high=9, default=1),
        lambda text: refuse_unknown({"queryStringParameters": {text: "1"}}, "n"),
        lambda text: model_of(f"/models/{text}", {"housing": 1}),
        lambda text: model_of("/models" + text.replace("9", "/"), {"housing": 1}),
    ],
)
def test_texts_of_callers_cost_their_length_and_are_cut(read: Callable[[str], object]) -> None:
    def work(n: int) -> Callable[[], object]:
        def ask() -> None:
            with pytest.raises(ProblemError) as error:
                read("9" * n)
            assert len(json.dumps(error.value.response("r"))) < 2000 + n

        return ask

    assert grows_linearly(work, 500)
