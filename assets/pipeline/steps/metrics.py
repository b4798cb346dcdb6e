"""How good predictions are: the metrics of each task. A binary target is 0 or 1, its prediction a probability."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from contract import Contract

Vector = NDArray[np.float64]

# Metrics that say something about any set of rows, and so about a slice of them.
OF_SLICES = {"regression": ("rmse", "mae"), "binary": ("auc", "logloss", "accuracy")}
_NEAREST = 1e-15  # to 0 and 1: the logarithm of a probability stays finite


def metrics_of(contract: Contract, actual: Vector, predicted: Vector) -> dict[str, float]:
    """All metrics of the task; those that the rows do not define are left out."""
    if contract.task == "regression":
        found = {"rmse": rmse(actual, predicted), "mae": mae(actual, predicted), "r2": r2(actual, predicted)}
    else:
        found = {"logloss": logloss(actual, predicted), **_of_labels(actual, predicted >= _threshold(contract))}
        area = auc(actual, predicted)
        found = found if area is None else {"auc": area, **found}
    return found


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


def document(contract: Contract, overall: dict[str, float], deviations: dict[str, float]) -> dict[str, Any]:
    """The metrics as SageMaker's model quality statistics want them."""
    kind = "regression_metrics" if contract.task == "regression" else "binary_classification_metrics"
    described = {
        name: {"value": value} | ({"standard_deviation": deviations[name]} if name in deviations else {})
        for name, value in overall.items()
    }
    return {kind: described}


def _of_labels(actual: Vector, said: NDArray[np.bool_]) -> dict[str, float]:
    """Precision, recall and F1 are of the positive level, and 0 where nothing was found."""
    true = actual == 1
    hits = float(np.sum(true & said))
    precision, recall = hits / max(float(said.sum()), 1.0), hits / max(float(true.sum()), 1.0)
    f1 = 2 * precision * recall / (precision + recall) if hits else 0.0
    return {"accuracy": float(np.mean(true == said)), "precision": precision, "recall": recall, "f1": f1}


def _threshold(contract: Contract) -> float:
    assert contract.serving.threshold is not None, "a binary contract has one"
    return contract.serving.threshold
