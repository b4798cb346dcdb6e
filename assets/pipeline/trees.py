"""The trees of a model as files, and their answers. For few rows there is a way that is faster than XGBoost's own.

XGBoost 3.2 measures the depth of every tree at each prediction, which for one row takes longer than the rest. Asked for
leaves alone it does not, and their values are added up here, in the same order and precision: the same sums to the bit.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import xgboost

FEW = 8  # rows; XGBoost's own way is the faster one from about 16
_BOOSTER, _LEAVES = "model.ubj", "leaves.npy"
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Trees:
    """`leaves` holds the value of each leaf by tree and node, `base` what every sum starts from."""

    booster: xgboost.Booster
    leaves: NDArray[np.float32]
    base: np.float32
    logistic: bool

    def predict(self, inputs: NDArray[np.float64]) -> NDArray[np.float32]:
        """One value a row. NaN is a missing input."""
        # XGBoost finds the leaf of a number that only a double can hold on the second way alone.
        if len(inputs) <= FEW and not np.any(np.abs(inputs) > _LARGEST):
            return self._of_few(inputs)
        values: NDArray[np.float32] = self.booster.inplace_predict(inputs)
        return values

    def _of_few(self, inputs: NDArray[np.float64]) -> NDArray[np.float32]:
        import xgboost

        matrix = xgboost.DMatrix(inputs, nthread=1)
        found = self.booster.predict(matrix, pred_leaf=True, validate_features=False)
        terms = np.empty((len(inputs), len(self.leaves) + 1), np.float32)
        terms[:, 0] = self.base
        terms[:, 1:] = self.leaves[self._rows, found.reshape(len(inputs), -1).astype(np.intp)]
        # Unlike a sum, which goes by pairs, it adds from left to right.
        margins: NDArray[np.float32] = np.add.accumulate(terms, axis=1)[:, -1]
        return _probabilities(margins) if self.logistic else margins

    @cached_property
    def _rows(self) -> NDArray[np.intp]:
        return np.arange(len(self.leaves))


def _probabilities(margins: NDArray[np.float32]) -> NDArray[np.float32]:
    # XGBoost stops there too: beyond it, the power would be infinite.
    powers: NDArray[np.float32] = np.exp(np.minimum(-margins, np.float32(88.7)))
    return 1 / (1 + powers)


def bounded(inputs: NDArray[np.float64]) -> NDArray[np.float64]:
    """What a DMatrix takes. Thresholds are float32: no number beyond the last one changes sides. NaN stays."""
    return np.clip(inputs, -_LARGEST, _LARGEST)


def save_trees(booster: xgboost.Booster, folder: Path) -> None:
    booster.save_model(folder / _BOOSTER)
    np.save(folder / _LEAVES, _leaves_of(booster))


def load_trees(folder: Path) -> Trees:
    """What `save_trees` wrote, on one thread."""
    # Read when XGBoost loads: threads that spin while they wait take the processor from the other workers.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import xgboost

    booster = xgboost.Booster({"nthread": 1})
    booster.load_model(folder / _BOOSTER)
    learner = json.loads(booster.save_config())["learner"]
    logistic = learner["objective"]["name"] == "binary:logistic"
    score = np.float32(json.loads(learner["learner_model_param"]["base_score"])[0])
    return Trees(
        booster=booster,
        leaves=np.load(folder / _LEAVES),
        base=-np.log(1 / score - 1) if logistic else score,
        logistic=logistic,
    )


def _leaves_of(booster: xgboost.Booster) -> NDArray[np.float32]:
    """Values of the leaves by tree and node; 0 for a node that is none."""
    model = json.loads(booster.save_raw("json"))["learner"]["gradient_booster"]["model"]
    leaves = np.zeros((len(model["trees"]), max(len(tree["left_children"]) for tree in model["trees"])), np.float32)
    for values, tree in zip(leaves, model["trees"], strict=True):
        # In a leaf, the place of the threshold holds the value.
        nodes = np.flatnonzero(np.array(tree["left_children"]) == -1)
        values[nodes] = np.array(tree["split_conditions"], np.float32)[nodes]
    return leaves
