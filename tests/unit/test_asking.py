"""The client of the end-to-end tests finds the answers that nobody could explain."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.e2e.asking import Asking

OLD = {"live": {"version": 1}, "example": {"rooms": 3}, "target": {"unit": "USD"}}
NEW = {"live": {"version": 2}, "example": {"area": 70}, "target": {"unit": ""}}


def predicted(version: int, **more: str) -> tuple[int, Any]:
    return 200, {"model_version": str(version), "predictions": [{"value": 2.0, **more}]}


@pytest.mark.parametrize(
    ("looked", "answer", "fault"),
    [
        (OLD, predicted(1, unit="USD"), None),
        (NEW, predicted(2), None),
        (OLD, predicted(2), "version 2 answered a record of ['rooms'] in no unit"),
        (OLD, predicted(1, unit="EUR"), "version 1 answered a record of ['rooms'] in EUR"),
        (OLD, predicted(1), "version 1 answered a record of ['rooms'] in no unit"),
        (NEW, predicted(2, unit="USD"), "version 2 answered a record of ['area'] in USD"),
        (NEW, (502, {}), "version 2 was looked at, and POST answers 502: {}"),
        (NEW, (400, {"model_version": "1", "errors": [{}]}), None),
    ],
)
def test_an_answer_has_shape_and_unit_of_the_version_that_answers(
    monkeypatch: pytest.MonkeyPatch, looked: Any, answer: tuple[int, Any], fault: str | None
) -> None:
    target: Any = SimpleNamespace(api_url="http://api.example", cli_key="k")
    asking = Asking(target, "houses")
    answers: list[tuple[int, Any]] = [(200, OLD), predicted(1, unit="USD"), (200, NEW), predicted(2), (200, looked)]
    monkeypatch.setattr(asking, "_call", lambda *_: answers.pop(0))
    answers.append(answer)
    for _ in range(3):
        asking._ask()
    assert asking.faults == ([fault] if fault else [])
