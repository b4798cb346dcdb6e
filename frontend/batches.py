"""Predictions for many rows: in requests of a bounded size, without losing rows or answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from frontend.answers import Prediction, Predictions
from frontend.batchfile import Problem, Row
from frontend.errors import ApiError, Kind
from frontend.kinds import Value

MAX_WAITS = 6
LONGEST_WAIT_SECONDS = 30.0
FIRST_WAIT_SECONDS = 1.0


class Predict(Protocol):
    def __call__(self, instances: Sequence[Mapping[str, Value]]) -> Predictions: ...


@dataclass
class Outcome:
    """What became of the rows so far, by their position. `stopped` says why the rest has no answer.

    `answered` says which version predicted a row: another one may go live between two requests.
    """

    total: int
    predictions: dict[int, Prediction] = field(default_factory=dict)
    rejects: dict[int, tuple[Problem, ...]] = field(default_factory=dict)
    answered: dict[int, str] = field(default_factory=dict)
    waiting: str = ""
    stopped: ApiError | None = None

    @property
    def versions(self) -> set[str]:
        return set(self.answered.values())

    @property
    def done(self) -> int:
        return len(self.predictions) + len(self.rejects)


def run(
    rows: Sequence[Row], predict: Predict, *, size: int, sleep: Callable[[float], None] = time.sleep
) -> Iterator[Outcome]:
    """Yields the outcome after every request and before every wait; the last one is the whole."""
    outcome = Outcome(total=len(rows))
    outcome.rejects = {index: row.problems for index, row in enumerate(rows) if row.problems}
    good = [index for index, row in enumerate(rows) if not row.problems]
    for start in range(0, len(good), size):
        for _ in _chunk(rows, good[start : start + size], predict, outcome, sleep):
            yield outcome
        if outcome.stopped:
            break
    yield outcome


def _chunk(
    rows: Sequence[Row], indexes: list[int], predict: Predict, outcome: Outcome, sleep: Callable[[float], None]
) -> Iterator[None]:
    """One request; again without the rows that the API names, and again after the time that it asks for."""
    waits = 0
    while indexes:
        try:
            found = predict([rows[index].instance for index in indexes])
        except ApiError as error:
            refused = _refused(error, indexes)
            if refused:
                outcome.rejects |= refused
                indexes = [index for index in indexes if index not in refused]
            elif error.kind in (Kind.THROTTLED, Kind.UNAVAILABLE) and waits < MAX_WAITS:
                seconds = min(error.retry_after or FIRST_WAIT_SECONDS * 2**waits, LONGEST_WAIT_SECONDS)
                waits += 1
                outcome.waiting = f"{error.detail} Waiting {seconds:g} s."
                yield
                sleep(seconds)
                outcome.waiting = ""
            else:
                outcome.stopped = error
                return
        else:
            outcome.predictions |= dict(zip(indexes, found.items, strict=True))
            outcome.answered |= dict.fromkeys(indexes, found.model_version)
            indexes = []
        yield


def _refused(error: ApiError, indexes: Sequence[int]) -> dict[int, tuple[Problem, ...]]:
    """The rows that the API named, with its reasons."""
    refused: dict[int, tuple[Problem, ...]] = {}
    if error.kind is not Kind.INVALID:
        return refused
    for item in error.errors:
        if 0 <= item.instance < len(indexes):
            index = indexes[item.instance]
            refused[index] = (*refused.get(index, ()), Problem(item.field, item.reason))
    return refused
