"""How good predictions are: overall with an interval, by slice, and whether that passes the gate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from contract import Contract, Gate, Recipe
from steps.dataset import Rows
from steps.wording import amount

Vector = NDArray[np.float64]

LEVEL = 0.95
RESAMPLES = 1000
_DRAWS_AT_ONCE = 5_000_000  # bounds the memory of a large test set


@dataclass(frozen=True)
class Metrics:
    rmse: float
    mae: float
    r2: float


@dataclass(frozen=True)
class Interval:
    """Percentiles and standard deviation of the RMSE over resampled test rows."""

    low: float
    high: float
    standard_deviation: float


@dataclass(frozen=True)
class Slice:
    """`name` is a column, `value` which rows of it."""

    name: str
    value: str
    rows: int
    rmse: float
    mae: float


@dataclass(frozen=True)
class Decision:
    decision: Literal["register", "reject"]
    metric: str
    value: float
    limit: float
    reason: str


def metrics_of(actual: Vector, predicted: Vector) -> Metrics:
    """R2 is 0 where the target does not vary."""
    errors = predicted - actual
    total = float(np.sum((actual - actual.mean()) ** 2))
    r2 = 1 - float(np.sum(errors**2)) / total if total else 0.0
    return Metrics(rmse=_rmse(errors), mae=float(np.mean(np.abs(errors))), r2=r2)


def rmse_interval(actual: Vector, predicted: Vector, *, seed: int) -> Interval:
    """Bootstrap over rows: the same rows and seed give the same interval."""
    squares = (predicted - actual) ** 2
    generator = np.random.default_rng(seed)
    chunk = max(1, _DRAWS_AT_ONCE // len(squares))
    means = [
        squares[generator.integers(0, len(squares), (min(chunk, RESAMPLES - done), len(squares)), dtype=np.int32)].mean(
            1
        )
        for done in range(0, RESAMPLES, chunk)
    ]
    values = np.sqrt(np.concatenate(means))
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return Interval(low=float(low), high=float(high), standard_deviation=float(values.std(ddof=1)))


def slices_of(rows: Rows, predicted: Vector, recipe: Recipe) -> tuple[Slice, ...]:
    """By level of each category, then by capped target. Slices without a row are left out."""
    errors = predicted - rows.target
    return tuple(
        Slice(name, value, int(chosen.sum()), _rmse(errors[chosen]), float(np.mean(np.abs(errors[chosen]))))
        for name, value, chosen in (*_by_level(rows, recipe), *_by_cap(rows, recipe.contract))
        if chosen.any()
    )


def decide(gate: Gate, metrics: Metrics, unit: str) -> Decision:
    value: float = getattr(metrics, gate.metric)
    passed = value <= gate.max
    verdict = "is within" if passed else "is above"
    end = "" if passed else ", so the model is not registered"
    name, limit = gate.metric.upper(), amount(gate.max, unit)
    return Decision(
        decision="register" if passed else "reject",
        metric=gate.metric,
        value=value,
        limit=gate.max,
        reason=f"Test {name} {amount(value, unit)} {verdict} the limit of {limit}{end}.",
    )


def document(metrics: Metrics, interval: Interval) -> dict[str, Any]:
    """The metrics as SageMaker's model quality statistics want them."""
    return {
        "regression_metrics": {
            "rmse": {"value": metrics.rmse, "standard_deviation": interval.standard_deviation},
            "mae": {"value": metrics.mae},
            "r2": {"value": metrics.r2},
        },
        "interval": {"rmse": [interval.low, interval.high], "level": LEVEL, "method": "bootstrap"},
    }


def _by_level(rows: Rows, recipe: Recipe) -> Iterator[tuple[str, str, NDArray[np.bool_]]]:
    for feature in recipe.contract.categories:
        known = np.zeros(len(rows.target), dtype=bool)
        for index, column in enumerate(recipe.columns):
            if column.source == feature.name and column.level is not None:
                chosen = rows.inputs[:, index] == 1.0
                known |= chosen
                yield feature.name, column.level, chosen
        yield feature.name, "(missing)", ~known


def _by_cap(rows: Rows, contract: Contract) -> Iterator[tuple[str, str, NDArray[np.bool_]]]:
    target = contract.target
    if target.cap is not None:
        cap = amount(target.cap, target.unit)
        yield target.name, f"below {cap}", rows.target < target.cap
        yield target.name, f"capped at {cap}", rows.target >= target.cap


def _rmse(errors: Vector) -> float:
    return float(np.sqrt(np.mean(errors**2)))
