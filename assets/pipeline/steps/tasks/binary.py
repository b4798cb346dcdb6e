"""One of two levels: a target is 0 or 1, its prediction the probability of the positive level."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from contract import Contract, Target
from contract.tasks import BINARY
from steps.metrics import Vector, auc, logloss, of_labels
from steps.tasks.task import Evaluation

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class BinaryEvaluation(Evaluation):
    def metrics(self, contract: Contract, actual: Vector, predicted: Vector) -> dict[str, float]:
        threshold = contract.serving.threshold
        assert threshold is not None, "a binary contract has one"
        found = {"logloss": logloss(actual, predicted), **of_labels(actual, predicted >= threshold)}
        area = auc(actual, predicted)
        return found if area is None else {"auc": area, **found}

    def slices(self, target: Target, actual: Vector) -> Iterator[tuple[str, NDArray[np.bool_]]]:
        for value, level in enumerate(target.levels):
            yield level, actual == value

    def figures(self, actual: Vector, predicted: Vector, target: Target) -> Mapping[str, Figure]:
        from steps import binary_plots

        negative, positive = target.levels
        return {
            "roc_curve.png": binary_plots.roc_curve(actual, predicted, negative, positive),
            "calibration.png": binary_plots.calibration(actual, predicted, positive),
        }

    def too_few(self, target: Target, actual: Vector) -> str:
        if few := super().too_few(target, actual):
            return few
        if len(set(actual.tolist())) == 2:
            return ""
        only, other = (target.levels[place] for place in (int(actual[0]), 1 - int(actual[0])))
        return f"the target of every test row ({len(actual):,}) is {only}, and none is {other}"


EVALUATION = BinaryEvaluation(
    name=BINARY.name, of_slices=("auc", "logloss", "accuracy"), statistics="binary_classification_metrics"
)
