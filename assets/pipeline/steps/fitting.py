"""Growing the trees: as many as the validation rows show to be best, and once more on these rows too if asked for."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from contract import Recipe
from steps.dataset import Rows, inside_fences, joined, level_places
from steps.failures import StepError
from steps.hyperparameters import Hyperparameters
from steps.sparse import with_zeros
from trees import bounded

if TYPE_CHECKING:
    import xgboost
    from numpy.typing import NDArray

PRINT_EVERY = 25
INPUTS_PER_THREAD = 1_000_000


@dataclass(frozen=True)
class Fitted:
    """`rows` is what `booster` saw. Trees without the validation rows predict `unseen` for these, with this `score`."""

    booster: xgboost.Booster
    score: float
    rows: int
    unseen: NDArray[np.float64]


def useful_threads(rows: Rows, available: int) -> int:
    """With fewer inputs than that a second thread waits more than it helps. The trees are the same with any number."""
    held: int = rows.inputs.size
    return min(available, 1 + held // INPUTS_PER_THREAD)


def fit(
    training: Rows,
    validation: Rows,
    recipe: Recipe,
    hyperparameters: Hyperparameters,
    parameters: Mapping[str, Any],
) -> Fitted:
    """Raises StepError for parameters that XGBoost refuses."""
    # Read when XGBoost loads: waiting threads that spin make a busy small machine ten times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    names = [column.name for column in recipe.columns]
    with _refusals():
        stopped = _stopped_early(training, validation, names, hyperparameters, parameters)
        rounds, score = stopped.num_boosted_rounds(), float(stopped.best_score)
        _progress(f"[{rounds - 1}]\tvalidation-{parameters['eval_metric']}:{score:.5f}\n")
        unseen = stopped.inplace_predict(validation.inputs).astype(float)
        if not hyperparameters.refit:
            return Fitted(_served(stopped, training, recipe, parameters), score, len(training.target), unseen)
        # An outlier teaches the trees nothing here either: dropped from the rows that they learn from.
        rows = joined(training, inside_fences(validation, recipe))
        _progress(f"Growing {rounds} rounds again on {len(rows.target)} train and validation rows\n")
        grown = _served(_grown(rows, names, rounds, parameters), rows, recipe, parameters)
        return Fitted(grown, score, len(rows.target), unseen)


def _served(booster: xgboost.Booster, rows: Rows, recipe: Recipe, parameters: Mapping[str, Any]) -> xgboost.Booster:
    """As it is asked later: with every zero."""
    if isinstance(rows.inputs, np.ndarray):
        return booster
    return with_zeros(booster, level_places(recipe), threads=parameters["nthread"])


def _stopped_early(
    training: Rows,
    validation: Rows,
    names: list[str],
    hyperparameters: Hyperparameters,
    parameters: Mapping[str, Any],
) -> xgboost.Booster:
    """The trees up to the best round on the validation rows."""
    import xgboost

    matrix = _matrix(training, names, parameters)
    return xgboost.train(
        dict(parameters),
        matrix,
        num_boost_round=hyperparameters.rounds,
        # Early stopping looks at the last one.
        evals=[(matrix, "train"), (_matrix(validation, names, parameters, ref=matrix), "validation")],
        callbacks=[
            xgboost.callback.EarlyStopping(rounds=hyperparameters.early_stopping_rounds, save_best=True),
            xgboost.callback.EvaluationMonitor(period=PRINT_EVERY, logger=_progress),
        ],
        verbose_eval=False,
    )


def _grown(rows: Rows, names: list[str], rounds: int, parameters: Mapping[str, Any]) -> xgboost.Booster:
    import xgboost

    return xgboost.train(dict(parameters), _matrix(rows, names, parameters), num_boost_round=rounds)


def _matrix(
    rows: Rows, names: list[str], parameters: Mapping[str, Any], ref: xgboost.QuantileDMatrix | None = None
) -> xgboost.QuantileDMatrix:
    import xgboost

    return xgboost.QuantileDMatrix(
        _bounded(rows.inputs),
        label=rows.target,
        ref=ref,
        feature_names=names,
        nthread=parameters["nthread"],
        max_bin=parameters.get("max_bin", 256),
    )


def _bounded(inputs: Any) -> Any:
    """Of an array, or of what a sparse matrix holds."""
    if isinstance(inputs, np.ndarray):
        return bounded(inputs)
    return type(inputs)((bounded(inputs.data), inputs.indices, inputs.indptr), shape=inputs.shape)


@contextmanager
def _refusals() -> Iterator[None]:
    import xgboost

    try:
        yield
    except xgboost.core.XGBoostError as error:
        reason = str(error).strip().splitlines()[0]
        raise StepError(f"XGBoost refused to train: {reason}; correct model.toml [training.parameters]") from error


def _progress(line: str) -> None:
    """Plain lines, from which SageMaker reads the metric."""
    sys.stdout.write(line)
    sys.stdout.flush()
