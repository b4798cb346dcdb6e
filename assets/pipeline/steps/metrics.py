"""How good predictions are. Where the target is a level, it is 0 or 1, and its prediction a probability."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

_NEAREST = 1e-15  # to 0 and 1: the logarithm of a probability stays finite


def row_losses(metric: str, actual: Vector, predicted: Vector) -> Vector:
    """What the metric is the mean of (for the RMSE: the square root of the mean)."""
    if metric == "logloss":
        losses: Vector = -np.log(np.clip(np.where(actual == 1, predicted, 1 - predicted), _NEAREST, 1))
        return losses
    errors = predicted - actual
    return errors**2 if metric == "rmse" else np.abs(errors)


def rmse(actual: Vector, predicted: Vector) -> float:
    return float(np.sqrt(row_losses("rmse", actual, predicted).mean()))


def mae(actual: Vector, predicted: Vector) -> float:
    return float(row_losses("mae", actual, predicted).mean())


def logloss(actual: Vector, predicted: Vector) -> float:
    return float(row_losses("logloss", actual, predicted).mean())


def r2(actual: Vector, predicted: Vector) -> float:
    """0 where the target does not vary."""
    total = float(np.sum((actual - actual.mean()) ** 2))
    return 1 - float(np.sum((predicted - actual) ** 2)) / total if total else 0.0


def auc(actual: Vector, predicted: Vector) -> float | None:
    """The share of pairs of a positive and a negative row that are in the right order; None without such a pair."""
    area = Ranks(actual, predicted).area(np.ones(len(actual)))
    return None if np.isnan(area) else area


class Ranks:
    """Scores sorted once, for the area under the ROC curve of many weightings of the same rows."""

    def __init__(self, actual: Vector, predicted: Vector) -> None:
        scores, self._place = np.unique(predicted, return_inverse=True)
        self._size, self._actual = len(scores), actual

    def area(self, weights: Vector) -> float:
        """NaN when the weights leave no row of one class. Equal scores count half."""
        positive = np.bincount(self._place, weights * self._actual, self._size)
        negative = np.bincount(self._place, weights * (1 - self._actual), self._size)
        pairs = positive.sum() * negative.sum()
        won = float(np.sum(positive * (np.cumsum(negative) - negative / 2)))
        return won / float(pairs) if pairs else float("nan")


def described(overall: Mapping[str, float], deviations: Mapping[str, float]) -> dict[str, Any]:
    """The metrics as SageMaker's model quality statistics want them."""
    return {
        name: {"value": value} | ({"standard_deviation": deviations[name]} if name in deviations else {})
        for name, value in overall.items()
    }


def of_labels(actual: Vector, said: NDArray[np.bool_]) -> dict[str, float]:
    """Precision, recall and F1 are of the positive level, and 0 where nothing was found."""
    true = actual == 1
    hits = float(np.sum(true & said))
    precision, recall = hits / max(float(said.sum()), 1.0), hits / max(float(true.sum()), 1.0)
    f1 = 2 * precision * recall / (precision + recall) if hits else 0.0
    return {"accuracy": float(np.mean(true == said)), "precision": precision, "recall": recall, "f1": f1}
