"""How the command calls the REST API, and how it shows a prediction."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from cli import api, lifecycle
from cli.errors import CliError
from cli.main import app
from cli.render import explanation_table, prediction_text
from cli.terminal import Console
from tracking.versions import ModelVersion

URL = "https://abc.execute-api.eu-west-1.amazonaws.com/v1/models/m/predictions?explain=true"


def target(key: str | None, *, caller: str = "") -> Any:
    session, other = (
        boto3.Session(aws_access_key_id=name, aws_secret_access_key="secret", region_name="eu-west-1")
        for name in ("AKID", caller)
    )
    return SimpleNamespace(cli_key=key, session=session, caller=other if caller else None)


def test_a_key_is_sent_in_its_header() -> None:
    assert api._headers(target("the-key"), "POST", URL, b"{}") == {
        "content-type": "application/json",
        "x-api-key": "the-key",
    }


def test_without_a_key_the_request_is_signed() -> None:
    headers = api._headers(target(None), "POST", URL, b"{}")
    assert "/eu-west-1/execute-api/aws4_request" in headers["Authorization"]
    assert "Credential=AKID/" in headers["Authorization"]
    assert "x-api-key" not in headers


def test_who_calls_may_be_another_than_who_looks_things_up() -> None:
    headers = api._headers(target(None, caller="CALLER"), "POST", URL, b"{}")
    assert "Credential=CALLER/" in headers["Authorization"]


def test_a_prediction_shows_its_interval() -> None:
    held = {"low": 48390.4, "high": 109655.2, "level": 0.9}
    assert prediction_text({"value": 79022.867, "unit": "USD", "interval": held}) == (
        "79,022.87 USD (90 %: 48,390 to 109,655)"
    )


def test_an_explanation_is_a_sum() -> None:
    explanation = {
        "output": "value",
        "base": 100.0,
        "sum": 130.5,
        "contributions": [
            {"feature": "income", "value": 3.5, "contribution": 40.5},
            {"feature": "sea", "value": "INLAND", "contribution": -10.0},
            {"feature": "rooms", "value": None, "contribution": 0.0},
        ],
    }
    console = Console(file=(out := io.StringIO()), width=80)
    console.print(explanation_table(explanation))
    assert [line.split() for line in out.getvalue().splitlines()] == [
        ["base", "100.00"],
        ["income", "3.5", "+40.50"],
        ["sea", "INLAND", "-10.00"],
        ["rooms", "None", "+0.00"],
        ["value", "130.50"],
    ]


class Served:
    """A REST API that knows four models, and what it was asked."""

    models = ("a", "b", "c", "d")
    place = api_url = ""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[tuple[str, str]] = []
        self.refused: CliError | None = None
        monkeypatch.setattr(api, "_answer", self._answer)

    def _answer(self, _: Any, method: str, url: str, _body: bytes) -> dict[str, Any]:
        self.asked.append((method, url))
        if method == "POST":
            raise api.RefusedError("(503): no version of b is live; GET /models/b says why", status=503)
        if self.refused:
            raise self.refused
        told = {"a": "", "b": "b was stopped.", "c": "The deployed contract adds x."}
        return {"models": [{"name": name, "notice": notice} for name, notice in told.items()]}


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Served:
    return Served(monkeypatch)


def test_what_there_is_to_tell_of_all_models_is_asked_for_once(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    made = datetime(2026, 1, 2, tzinfo=UTC)
    monkeypatch.setattr(lifecycle, "find_target", lambda **_: served)
    monkeypatch.setattr(
        lifecycle,
        "versions",
        lambda _, name: [ModelVersion(1, f"arn:{name}/1", "Approved", "", made, "", True, {})] if name != "d" else [],
    )
    done = CliRunner().invoke(app, ["models", "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["notices"] == {"b": "b was stopped.", "c": "The deployed contract adds x."}
    assert served.asked == [("GET", "/models")]


def test_versions_are_listed_where_the_rest_api_does_not_answer(served: Served) -> None:
    served.refused = CliError("The REST API did not answer.")
    told = "The REST API does not tell what is live: The REST API did not answer."
    assert api.notices(served, ["a", "c"]) == {"a": told, "c": told}  # type: ignore[arg-type]


def test_a_model_that_was_stopped_is_not_asked_for_data(served: Served) -> None:
    with pytest.raises(api.RefusedError) as refused:
        api.predict(served, model="b", instances=[{}])  # type: ignore[arg-type]
    assert refused.value.hint == "b was stopped."


@pytest.mark.parametrize(
    ("status", "detail", "hint"),
    [
        (502, "Internal server error", "Find out why: mlops logs --request r-1"),
        (502, "The model failed. Why is in the log: mlops logs --request r-1", ""),
        (400, "1 invalid value(s)", ""),
        (503, "busy", ""),
    ],
)
def test_an_error_of_the_platform_says_how_to_find_why(status: int, detail: str, hint: str) -> None:
    assert api._log_of(status, {"detail": detail, "request_id": "r-1"}) == hint


def test_an_id_that_nobody_should_paste_is_not_shown() -> None:
    assert api._log_of(502, {"detail": "x", "request_id": "r; rm -rf ."}) == ""
