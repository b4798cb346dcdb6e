"""A number in the unit of the target."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

import interval
from contract import Contract, Target
from contract.tasks import REGRESSION
from steps.metrics import Vector, mae, r2, rmse
from steps.tasks.task import Evaluation
from steps.wording import amount

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class RegressionEvaluation(Evaluation):
    def metrics(self, contract: Contract, actual: Vector, predicted: Vector) -> dict[str, float]:
        return {"rmse": rmse(actual, predicted), "mae": mae(actual, predicted), "r2": r2(actual, predicted)}

    def slices(self, target: Target, actual: Vector) -> Iterator[tuple[str, NDArray[np.bool_]]]:
        """The values at which the source cuts the target say less than the others."""
        if target.cap is not None:
            cap = amount(target.cap, target.unit)
            yield f"below {cap}", actual < target.cap
            yield f"capped at {cap}", actual >= target.cap

    def figures(self, actual: Vector, predicted: Vector, target: Target) -> Mapping[str, Figure]:
        from steps import regression_plots

        return {
            "predicted_vs_actual.png": regression_plots.predicted_vs_actual(actual, predicted, target),
            "residuals_by_decile.png": regression_plots.residuals_by_decile(actual, predicted, target),
        }

    def interval(self, target: Target, actual: Vector, unseen: Vector) -> interval.Interval | None:
        """After a refit the errors are rather too large."""
        return interval.fit(actual, unseen, low=target.min, high=target.max)


EVALUATION = RegressionEvaluation(name=REGRESSION.name, of_slices=("rmse", "mae"), statistics="regression_metrics")
