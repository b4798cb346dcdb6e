"""Train: an XGBoost model, saved with everything that serving needs. Runs in SageMaker script mode.

The same rows and hyperparameters give the same bytes in every file, whatever the number of threads: histograms are
summed in a fixed order, and no file holds a time or the machine's name.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import interval
import served
from contract import Contract
from steps import logs
from steps.context import read_context
from steps.dataset import Rows, read_compact
from steps.failures import StepError, run
from steps.fitting import Fitted, fit, useful_threads
from steps.hyperparameters import Hyperparameters, hyperparameters_of, parameters_of
from steps.tasks import evaluation_of
from trees import save_trees

if TYPE_CHECKING:
    import xgboost


@dataclass(frozen=True)
class Settings:
    """The folders and sizes that SageMaker gives a training script."""

    train: Path
    validation: Path
    context: Path
    model_dir: Path
    threads: int


def settings_of(environment: Mapping[str, str]) -> Settings:
    names = ("SM_CHANNEL_TRAIN", "SM_CHANNEL_VALIDATION", "SM_CHANNEL_CONTEXT", "SM_MODEL_DIR")
    missing = [name for name in names if name not in environment]
    if missing:
        raise StepError(
            f"{', '.join(missing)} is not set; the training job needs channels train, validation and context"
        )
    train, validation, context, model_dir = (Path(environment[name]) for name in names)
    threads = int(environment.get("SM_NUM_CPUS") or os.cpu_count() or 1)
    return Settings(train=train, validation=validation, context=context, model_dir=model_dir, threads=threads)


def train(settings: Settings, hyperparameters: Hyperparameters) -> None:
    context = read_context(settings.context)
    logs.about(run_id=context.run_id)
    recipe = context.recipe
    started = time.monotonic()
    training, validation = read_compact(settings.train, recipe), read_compact(settings.validation, recipe)
    threads = useful_threads(training, settings.threads)
    parameters = parameters_of(recipe.contract, hyperparameters, threads=threads)
    fitted = fit(training, validation, recipe, hyperparameters, parameters)
    scores = {parameters["eval_metric"]: fitted.score}
    save(fitted.booster, settings, summary(fitted, hyperparameters, training, validation, scores))
    if found := interval_of(fitted, validation, recipe.contract):
        found.save(settings.model_dir)
    logs.event(
        "trained",
        rounds=fitted.booster.num_boosted_rounds(),
        validation={name: round(score, 5) for name, score in scores.items()},
        refit=hyperparameters.refit,
        rows=fitted.rows,
        threads=threads,
        seconds=round(time.monotonic() - started, 2),
    )


def interval_of(fitted: Fitted, validation: Rows, contract: Contract) -> interval.Interval | None:
    """From errors of trees on validation rows that they had not seen."""
    return evaluation_of(contract).interval(contract.target, validation.target, fitted.unseen)


def summary(
    fitted: Fitted,
    hyperparameters: Hyperparameters,
    training: Rows,
    validation: Rows,
    scores: Mapping[str, float],
) -> dict[str, Any]:
    """training.json: what was done, and with which versions.

    `validation` is the score of the trees that early stopping chose, fitted on train rows alone. With `refit` the model
    is another one: the same number of rounds on `rows_fitted` train and validation rows, which has no such score.
    """
    import xgboost

    return {
        "version": 1,
        "rounds": fitted.booster.num_boosted_rounds(),
        "rounds_allowed": hyperparameters.rounds,
        "early_stopping_rounds": hyperparameters.early_stopping_rounds,
        "seed": hyperparameters.seed,
        "parameters": dict(hyperparameters.parameters),
        "validation": dict(scores),
        "rows": {"train": len(training.target), "validation": len(validation.target)},
        "refit": hyperparameters.refit,
        "rows_fitted": fitted.rows,
        "libraries": {
            "python": platform.python_version(),
            "xgboost": xgboost.__version__,
            "numpy": np.__version__,
        },
    }


def save(booster: xgboost.Booster, settings: Settings, training: Mapping[str, Any]) -> None:
    """What model.tar.gz will hold."""
    folder = settings.model_dir
    (folder / "code").mkdir(parents=True, exist_ok=True)
    save_trees(booster, folder)
    (folder / "training.json").write_text(json.dumps(training, indent=1) + "\n")
    for name in ("recipe.json", "manifest.json"):
        shutil.copyfile(settings.context / name, folder / name)
    for name in served.MODULES:
        shutil.copyfile(Path(__file__).with_name(name), folder / "code" / name)
    _copy_modules(files("contract"), folder / "code" / "contract")


def _copy_modules(package: Traversable, folder: Path) -> None:
    """The package may lie in an archive."""
    folder.mkdir(exist_ok=True)
    for item in package.iterdir():
        if item.name.endswith(".py"):
            (folder / item.name).write_bytes(item.read_bytes())
        elif item.joinpath("__init__.py").is_file():
            _copy_modules(item, folder / item.name)


def failure_file(environment: Mapping[str, str]) -> Path | None:
    """SageMaker reads the reason of a failed training job from `failure` beside the output data folder."""
    data = environment.get("SM_OUTPUT_DATA_DIR")
    return Path(data).parent / "failure" if data else None


def main(argv: Sequence[str] | None = None) -> int:
    logs.configure(step="train")
    arguments = sys.argv[1:] if argv is None else argv
    return run(
        lambda: train(settings_of(os.environ), hyperparameters_of(arguments)), failure_file=failure_file(os.environ)
    )


if __name__ == "__main__":
    sys.exit(main())
