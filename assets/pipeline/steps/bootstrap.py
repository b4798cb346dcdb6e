"""How much a metric, or the difference of two models, owes to the choice of test rows: a seeded bootstrap."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steps.metrics import Ranks, Vector, row_losses

LEVEL = 0.95
RESAMPLES = 1000
_DRAWS_AT_ONCE = 5_000_000  # bounds the memory of a large test set


@dataclass(frozen=True)
class Interval:
    """Percentiles and standard deviation over resampled test rows."""

    low: float
    high: float
    standard_deviation: float


def interval(metric: str, actual: Vector, predicted: Vector, *, seed: int) -> Interval:
    """Of a metric. The same rows and seed give the same interval."""
    return _interval(resampled(metric, actual, [predicted], seed=seed)[:, 0])


def difference(metric: str, actual: Vector, predicted: Vector, other: Vector, *, seed: int) -> Interval:
    """Of the metric of `predicted` minus that of `other`, both on the same rows of each resample."""
    values = resampled(metric, actual, [predicted, other], seed=seed)
    return _interval(values[:, 0] - values[:, 1])


def resampled(metric: str, actual: Vector, predictions: Sequence[Vector], *, seed: int) -> NDArray[np.float64]:
    """The metric, shape (RESAMPLES, models). NaN where a resample does not define it."""
    draws = _draws(len(actual), seed)
    if metric == "auc":
        ranks = [Ranks(actual, predicted) for predicted in predictions]
        counts = (np.bincount(rows, minlength=len(actual)).astype(float) for chunk in draws for rows in chunk)
        return np.array([[item.area(weights) for item in ranks] for weights in counts])
    losses = [row_losses(metric, actual, predicted) for predicted in predictions]
    means: NDArray[np.float64] = np.concatenate(
        [np.stack([loss[rows].mean(1) for loss in losses], axis=1) for rows in draws]
    )
    return np.sqrt(means) if metric == "rmse" else means


def _draws(rows: int, seed: int) -> Iterator[NDArray[np.int32]]:
    """Row numbers with replacement, shape (resamples, rows), in pieces."""
    generator = np.random.default_rng(seed)
    chunk = max(1, _DRAWS_AT_ONCE // rows)
    for done in range(0, RESAMPLES, chunk):
        yield generator.integers(0, rows, (min(chunk, RESAMPLES - done), rows), dtype=np.int32)


def _interval(values: Vector) -> Interval:
    tail = (1 - LEVEL) / 2
    known = values[~np.isnan(values)]
    low, high = np.quantile(known, [tail, 1 - tail])
    return Interval(low=float(low), high=float(high), standard_deviation=float(known.std(ddof=1)))
