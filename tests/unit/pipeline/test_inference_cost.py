"""What the model's container does with a body is linear in its length: callers with IAM reach it without the API."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import batch_rows
import inference
from contract import decimal, values
from tests.unit.hostile import CELLS, CSV_BODIES, HEADER, JSON_BODIES
from tests.unit.steps import grows_linearly

SIZE = 200


@pytest.fixture(scope="module")
def model(model_dir: Path) -> inference.Model:
    return inference.model_fn(str(model_dir))


def answered(model: inference.Model, body: str, kind: str) -> Callable[[], object]:
    def work() -> object:
        prediction = inference.predict_fn(inference.input_fn(body.encode(errors="surrogatepass"), kind), model)
        if isinstance(prediction, inference.InputError):
            assert len(prediction.message) < 100_000
            return prediction
        return inference.output_fn(prediction, kind)

    return work


@pytest.mark.parametrize("shape", JSON_BODIES)
def test_json(model: inference.Model, shape: str) -> None:
    assert grows_linearly(lambda n: answered(model, JSON_BODIES[shape](n), inference.JSON), SIZE)


@pytest.mark.parametrize("shape", CSV_BODIES)
def test_csv(model: inference.Model, shape: str) -> None:
    assert grows_linearly(lambda n: answered(model, CSV_BODIES[shape](n), inference.CSV), SIZE)


@pytest.mark.parametrize("shape", CSV_BODIES)
def test_lines_of_a_batch(model: inference.Model, shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(batch_rows.COLUMNS, json.dumps(HEADER.split(",")))
    assert grows_linearly(lambda n: answered(model, CSV_BODIES[shape](n), inference.CSV), SIZE)


def test_a_number_of_too_many_digits_is_told(model: inference.Model) -> None:
    error = answered(model, JSON_BODIES["a whole number as a value"](5000), inference.JSON)()
    assert isinstance(error, inference.InputError)
    assert error.status_code == 400
    assert "not valid JSON" in error.message


@pytest.mark.parametrize("pattern", [values._DECIMAL])
def test_a_number_is_looked_at_once(pattern: re.Pattern[str]) -> None:
    """Steps within a regular expression are not counted: a repeat that gives nothing back cannot be tried twice."""
    for kind, limits in repeats(re._parser.parse(pattern.pattern, pattern.flags)):  # type: ignore[attr-defined]
        assert kind == "POSSESSIVE_REPEAT", limits


def repeats(parsed: object) -> list[tuple[str, object]]:
    """Every repeat in a parsed pattern, those within groups, branches and other repeats too."""
    found = []
    if isinstance(parsed, re._parser.SubPattern | list):  # type: ignore[attr-defined]
        for part in parsed:
            found += repeats(part)
    elif isinstance(parsed, tuple):
        if "REPEAT" in str(parsed[0]):
            found.append((str(parsed[0]), parsed[1]))
        for part in parsed:
            found += repeats(part) if isinstance(part, tuple | list | re._parser.SubPattern) else []  # type: ignore[attr-defined]
    return found


def test_the_repeats_of_a_pattern_are_found() -> None:
    found = repeats(re._parser.parse(r"a?(b++|c*(d{2,3}))"))  # type: ignore[attr-defined]
    assert [kind for kind, _ in found] == ["MAX_REPEAT", "POSSESSIVE_REPEAT", "MAX_REPEAT", "MAX_REPEAT"]


@pytest.mark.parametrize(("text", "value"), [("1", 1.0), ("-1.", -1.0), ("+.5e-3", 0.0005), ("1e+2", 100.0)])
def test_numbers_are_read_as_before(text: str, value: float) -> None:
    assert decimal(text) == value


@pytest.mark.parametrize(
    "text", ["", ".", "+", "1e", "1.2.3", "e5", "1_0", "--1", *(make(3) for make in CELLS.values())]
)
def test_what_is_no_number_is_none(text: str) -> None:
    assert decimal(text) == (float(text) if text == "111" else None)
