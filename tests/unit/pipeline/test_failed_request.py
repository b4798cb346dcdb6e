"""A request that the model fails on: its log names the request, the record and the place in the code, no content."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

import failed_request
import inference
from contract import Contract
from tests.unit.pipeline.factory import RUN_ID, synthetic_rows

REQUEST_ID = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"


@dataclass(frozen=True)
class Broken:
    """Trees that fail on some inputs."""

    predict: Callable[[Any], Any]


@pytest.fixture
def records(contract: Contract) -> list[dict[str, Any]]:
    target = contract.target.name
    rows = synthetic_rows(5, contract, seed=8)
    return [{name: value for name, value in row.items() if name != target} for row in rows]


@pytest.fixture
def ask(
    model_dir: Path, records: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[inference.FailedError, dict[str, Any]]]:
    """Asks a model whose trees are broken so; returns the error and what was logged of it."""

    def call(predict: Callable[[Any], Any], **wishes: Any) -> tuple[inference.FailedError, dict[str, Any]]:
        broken = replace(inference.model_fn(str(model_dir)), trees=Broken(predict))
        capsys.readouterr()
        body = json.dumps({"instances": records, "request_id": REQUEST_ID, **wishes})
        error = inference.predict_fn(inference.input_fn(body, "application/json"), broken)
        assert isinstance(error, inference.FailedError)
        (line,) = capsys.readouterr().out.splitlines()
        return error, json.loads(line)

    return call


def on_row(wanted: Any, error: Exception) -> Callable[[Any], Any]:
    """Fails where the row is one of those that are asked for."""

    def predict(inputs: Any) -> Any:
        if any((row == wanted).all() for row in inputs):
            raise error
        return inputs[:, 0]

    return predict


def test_the_record_and_the_place_are_told(ask: Any, records: list[dict[str, Any]], model_dir: Path) -> None:
    row = inference.model_fn(str(model_dir)).recipe.apply([records[3]])[0]
    error, line = ask(on_row(row, RuntimeError("no such leaf")))
    assert (error.status_code, json.loads(error.message)["failed"]["instance"]) == (500, 3)
    with pytest.raises(inference.FailedError):
        inference.output_fn(error, "application/json")
    told = {name: line[name] for name in ("event", "level", "request_id", "instance", "instances", "run_id", "error")}
    assert told == {
        "event": "Prediction failed",
        "level": "ERROR",
        "request_id": REQUEST_ID,
        "instance": 3,
        "instances": 5,
        "run_id": RUN_ID,
        "error": "RuntimeError: no such leaf",
    }
    assert "raise error" in line["traceback"]


def test_where_no_record_fails_alone_none_is_named(ask: Any) -> None:
    def predict(inputs: Any) -> Any:
        if len(inputs) > 1:
            raise MemoryError
        return inputs[:, 0]

    error, line = ask(predict)
    assert (line["instance"], json.loads(error.message)["failed"]["instance"]) == (None, None)


def test_the_content_of_a_record_is_not_told(ask: Any, records: list[dict[str, Any]]) -> None:
    number, word = records[0]["median_income"], records[0]["ocean_proximity"]
    derived = number * 2

    def predict(_: Any) -> Any:
        raise ValueError(f"column median_income of x1: '{word}' with {number}, which is {derived:.17g} or 1e5")

    _, line = ask(predict)
    assert line["error"] == "ValueError: column median_income of x1: '...' with ..., which is ... or ..."
    assert not any(str(part) in json.dumps(line["error"]) for part in (number, word, derived))


def test_looking_for_the_record_ends_in_time(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failed_request, "SECONDS", -1.0)

    def predict(_: Any) -> Any:
        raise RuntimeError("broken")

    _, line = ask(predict)
    assert line["instance"] is None


@pytest.mark.parametrize("sent", [None, 7, ["x"], "y" * 5000, "a\nb"])
def test_an_id_that_is_none_is_harmless(ask: Any, sent: Any) -> None:
    def predict(_: Any) -> Any:
        raise RuntimeError("broken")

    _, line = ask(predict, request_id=sent)
    assert len(line["request_id"]) <= inference.MAX_REQUEST_ID


def test_rows_of_a_batch_fail_as_before(model_dir: Path, contract: Contract) -> None:
    """A transform job has no request that anybody asks about: its own log is that of the job."""
    model = inference.model_fn(str(model_dir))

    def predict(_: Any) -> Any:
        raise RuntimeError("broken")

    row = synthetic_rows(1, contract, seed=8)[0]
    text = ",".join(str(row[feature.name]) for feature in contract.features)
    with pytest.raises(RuntimeError, match="broken"):
        inference.predict_fn(inference.input_fn(text, "text/csv"), replace(model, trees=Broken(predict)))
