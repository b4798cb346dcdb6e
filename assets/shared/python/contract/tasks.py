"""What follows from a model's task: objectives, the metric that training watches, metrics that a gate may ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Task = Literal["regression", "binary"]
Metric = Literal["rmse", "mae", "auc", "logloss"]


@dataclass(frozen=True)
class Rules:
    """The first objective is the default. `limits` tells for each gate metric which limit it has."""

    objectives: tuple[str, ...]
    training_metric: str
    limits: Mapping[str, Literal["min", "max"]]


RULES: Mapping[str, Rules] = {
    "regression": Rules(
        # Not reg:pseudohubererror: with its slope of 1, trees never find targets that spread over tens of units.
        objectives=("reg:squarederror", "reg:absoluteerror"),
        training_metric="rmse",
        limits={"rmse": "max", "mae": "max"},
    ),
    "binary": Rules(
        objectives=("binary:logistic",),
        training_metric="logloss",
        limits={"auc": "min", "logloss": "max"},
    ),
}
