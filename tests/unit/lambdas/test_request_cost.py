"""What a request costs is linear in what its sender sends: nobody can make others wait by a body of some shape.

Steps are counted, not seconds: the same on every machine.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rest.limits import MAX_BODY_BYTES
from tests.unit.hostile import JSON_BODIES, VALUES, encoded, event, of_records
from tests.unit.lambdas.loading import load_function
from tests.unit.lambdas.test_predict import ENVIRONMENT
from tests.unit.steps import grows_linearly

SIZE = 300
ANSWER = {"predictions": [], "model": "california_housing", "run_id": "r", "model_version": "7"}


@pytest.fixture(scope="module")
def function() -> Iterator[SimpleNamespace]:
    found = load_function("predict", ENVIRONMENT)
    found.handler.endpoints = Echo()
    with mock.patch.object(found.handler.log, "disabled", True):
        yield found


class Echo:
    """An endpoint that has a number for each record."""

    def invoke(self, _name: str, body: bytes, *, target: str | None) -> bytes:
        assert target is None
        predictions = [{"value": 1.0}] * len(json.loads(body)["instances"])
        return json.dumps({**ANSWER, "predictions": predictions}).encode()


def asked(function: SimpleNamespace, request: dict[str, Any]) -> Callable[[], dict[str, Any]]:
    def work() -> dict[str, Any]:
        answer: dict[str, Any] = function.handler.handler(request, None)
        # Not what a function may not answer with, nor an exception, which would be 502.
        assert answer["statusCode"] in (200, 400, 413)
        assert len(answer["body"]) < 1_000_000
        return answer

    return work


@pytest.mark.parametrize("shape", JSON_BODIES)
@pytest.mark.parametrize("pack", [event, encoded])
def test_a_body_costs_no_more_than_its_length(function: SimpleNamespace, shape: str, pack: Callable[..., Any]) -> None:
    make = JSON_BODIES[shape]
    assert grows_linearly(lambda n: asked(function, pack(make(n))), SIZE)


@given(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=4), st.booleans())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_nor_do_shapes_together(function: SimpleNamespace, shapes: list[str], nested: bool) -> None:
    def body(n: int) -> str:
        values = [VALUES[shape](n) for shape in shapes]
        if nested:
            return of_records("{" + ", ".join(f'"{place}": {value}' for place, value in enumerate(values)) + "}")
        return of_records(*values)

    assert grows_linearly(lambda n: asked(function, event(body(n))), 100)


@pytest.mark.parametrize("part", ["headers", "queryStringParameters"])
def test_headers_and_query_are_read_as_often_as_they_are_long(function: SimpleNamespace, part: str) -> None:
    def request(n: int) -> dict[str, Any]:
        return event("{}", **{part: {f"name-{place}": "x" * 20 for place in range(n)}})

    assert grows_linearly(lambda n: asked(function, request(n)), SIZE)


@pytest.mark.parametrize("name", ["content-type", "cookie", "x-api-key", "origin"])
def test_a_long_header_is_read_once(function: SimpleNamespace, name: str) -> None:
    def work(n: int) -> Callable[[], object]:
        return lambda: function.handler.handler(event("{}", headers={name: "a;" * n}), None)

    assert grows_linearly(work, SIZE)


def test_too_large_a_body_is_refused_before_it_is_read(
    function: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unread(*_: object, **__: object) -> None:
        raise AssertionError("read")

    monkeypatch.setattr(function.logic.base64, "b64decode", unread)
    monkeypatch.setattr(function.logic.json, "loads", unread)
    for request in (event("x" * (MAX_BODY_BYTES + 1)), encoded("x" * (2 * MAX_BODY_BYTES))):
        assert asked(function, request)()["statusCode"] == 413


def test_half_a_character_is_an_unknown_name_like_any_other(function: SimpleNamespace) -> None:
    """It goes on to the version, which knows its features."""
    sent: list[bytes] = []
    invoke = function.handler.endpoints.invoke
    with mock.patch.object(
        function.handler.endpoints, "invoke", lambda name, body, **more: sent.append(body) or invoke(name, body, **more)
    ):
        asked(function, event(of_records('{"\ud800": 1}')))()
    assert json.loads(sent[0])["instances"] == [{"\ud800": 1}]


def test_what_is_no_base64_is_told(function: SimpleNamespace) -> None:
    answer = asked(function, event("x", isBase64Encoded=True))()
    assert json.loads(answer["body"])["detail"] == "The body is not base64."


def test_of_two_doubled_names_the_first_is_told(function: SimpleNamespace) -> None:
    answer = asked(function, event('{"instances": [{"a": 1, "b": 1, "b": 2, "a": 2}]}'))()
    assert json.loads(answer["body"])["errors"] == [
        {"instance": None, "field": "a", "reason": "stands twice in one object; keep one"}
    ]
