"""The smoke test: what counts as an answer, and what the command says of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from cli import api, delivery, smoke
from cli.errors import CliError
from cli.main import app

ANSWER = {"model_version": 3, "predictions": [{"value": 206855.5}]}


class Environment:
    stage = "dev"
    models = ("breast_cancer", "california_housing")


def verdicts(monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any] | CliError) -> set[tuple[str, str]]:
    def predict(target: Any, *, model: str, instances: list[dict[str, Any]]) -> dict[str, Any]:
        assert len(instances) == 1
        if isinstance(answer, CliError):
            raise answer
        return answer

    monkeypatch.setattr(api, "predict", predict)
    return {(item.verdict, item.detail) for item in smoke.check(Environment())}  # type: ignore[arg-type]


def test_a_number_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    assert verdicts(monkeypatch, ANSWER) == {("ok", "version 3 answers 206,856")}


@pytest.mark.parametrize("value", [None, "12", float("nan"), float("inf")])
def test_anything_else_is_a_failure(monkeypatch: pytest.MonkeyPatch, value: Any) -> None:
    ((verdict, detail),) = verdicts(monkeypatch, {"predictions": [{"value": value}]})
    assert (verdict, detail.partition(":")[0]) == ("failed", "The answer holds no number")


def test_a_fresh_environment_has_no_model_and_is_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    message = "The REST API refused the request (503): no model is live yet: Could not find the endpoint."
    assert verdicts(monkeypatch, CliError(message)) == {("no model yet", message)}


def test_a_refusal_for_another_reason_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    message = "The REST API refused the request (502): The prediction failed."
    assert verdicts(monkeypatch, CliError(message)) == {("failed", message)}


@pytest.mark.parametrize(("answer", "code"), [(ANSWER, 0), (CliError("The REST API did not answer"), 1)])
def test_the_command_fails_when_a_model_does(
    monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any] | CliError, code: int
) -> None:
    verdicts(monkeypatch, answer)
    monkeypatch.setattr(delivery, "find_target", lambda **_: Environment())
    done = CliRunner().invoke(app, ["smoke", "--json"])
    document = json.loads(done.stdout)
    assert (done.exit_code, document["ok"]) == (code, not code)
    assert [item["model"] for item in document["models"]] == list(Environment.models)
