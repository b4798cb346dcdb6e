"""Train: an XGBoost model with early stopping, saved with everything that serving needs. Runs in SageMaker script mode.

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
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from contract import Contract
from steps import logs
from steps.context import read_context
from steps.dataset import Rows, read_rows
from steps.failures import StepError, run

if TYPE_CHECKING:
    import xgboost

PRINT_EVERY = 25
_OWN = ("rounds", "early_stopping_rounds", "seed")


@dataclass(frozen=True)
class Settings:
    """The folders and sizes that SageMaker gives a training script."""

    train: Path
    validation: Path
    context: Path
    model_dir: Path
    threads: int


@dataclass(frozen=True)
class Hyperparameters:
    rounds: int
    early_stopping_rounds: int
    seed: int
    parameters: Mapping[str, float | int | str]


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


def hyperparameters_of(argv: Sequence[str]) -> Hyperparameters:
    """From `--name value` pairs: three of our own, everything else is XGBoost's."""
    names, values = argv[::2], argv[1::2]
    if len(names) != len(values) or not all(name.startswith("--") for name in names):
        raise StepError(f"hyperparameters must come as --name value pairs, got: {' '.join(argv)}")
    given = {name.removeprefix("--"): value for name, value in zip(names, values, strict=True)}
    missing = [name for name in _OWN if name not in given]
    if missing:
        raise StepError(
            f"hyperparameter {', '.join(missing)} is missing; the pipeline sets it from model.toml [training]"
        )
    rounds, early_stopping_rounds, seed = (_whole(name, given.pop(name)) for name in _OWN)
    return Hyperparameters(
        rounds=rounds,
        early_stopping_rounds=early_stopping_rounds,
        seed=seed,
        parameters={name: _value(text) for name, text in sorted(given.items())},
    )


def train(settings: Settings, hyperparameters: Hyperparameters) -> None:
    context = read_context(settings.context)
    recipe = context.recipe
    started = time.monotonic()
    training, validation = read_rows(settings.train, recipe), read_rows(settings.validation, recipe)
    names = [column.name for column in recipe.columns]
    parameters = parameters_of(recipe.contract, hyperparameters, threads=settings.threads)
    booster = fit(training, validation, names, hyperparameters, parameters)
    metric, rounds, score = parameters["eval_metric"], booster.num_boosted_rounds(), float(booster.best_score)
    _progress(f"[{rounds - 1}]\tvalidation-{metric}:{score:.5f}\n")
    save(booster, settings, summary(booster, hyperparameters, training, validation, {metric: score}))
    logs.event(
        "trained",
        run_id=context.run_id,
        rounds=rounds,
        validation={metric: round(score, 5)},
        threads=settings.threads,
        seconds=round(time.monotonic() - started, 2),
    )


def fit(
    training: Rows,
    validation: Rows,
    names: list[str],
    hyperparameters: Hyperparameters,
    parameters: Mapping[str, Any],
) -> xgboost.Booster:
    """The trees up to the best round on the validation rows."""
    # Read when XGBoost loads: waiting threads that spin make a busy small machine ten times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import xgboost

    shape: dict[str, Any] = {
        "feature_names": names,
        "nthread": parameters["nthread"],
        "max_bin": hyperparameters.parameters.get("max_bin", 256),
    }
    try:
        matrix = xgboost.QuantileDMatrix(training.inputs, label=training.target, **shape)
        reference = xgboost.QuantileDMatrix(validation.inputs, label=validation.target, ref=matrix, **shape)
        return xgboost.train(
            dict(parameters),
            matrix,
            num_boost_round=hyperparameters.rounds,
            # Early stopping looks at the last one.
            evals=[(matrix, "train"), (reference, "validation")],
            callbacks=[
                xgboost.callback.EarlyStopping(rounds=hyperparameters.early_stopping_rounds, save_best=True),
                xgboost.callback.EvaluationMonitor(period=PRINT_EVERY, logger=_progress),
            ],
            verbose_eval=False,
        )
    except xgboost.core.XGBoostError as error:
        reason = str(error).strip().splitlines()[0]
        raise StepError(f"XGBoost refused to train: {reason}; correct model.toml [training.parameters]") from error


def parameters_of(contract: Contract, hyperparameters: Hyperparameters, *, threads: int) -> dict[str, Any]:
    """For XGBoost: what the task asks for, unless the hyperparameters say otherwise, and what nobody may change."""
    return {
        "objective": contract.rules.objectives[0],
        **hyperparameters.parameters,
        "tree_method": "hist",
        "eval_metric": contract.rules.training_metric,
        "seed": hyperparameters.seed,
        "nthread": threads,
    }


def summary(
    booster: xgboost.Booster,
    hyperparameters: Hyperparameters,
    training: Rows,
    validation: Rows,
    scores: Mapping[str, float],
) -> dict[str, Any]:
    """training.json: what was done, and with which versions."""
    import xgboost

    return {
        "version": 1,
        "rounds": booster.num_boosted_rounds(),
        "rounds_allowed": hyperparameters.rounds,
        "early_stopping_rounds": hyperparameters.early_stopping_rounds,
        "seed": hyperparameters.seed,
        "parameters": dict(hyperparameters.parameters),
        "validation": dict(scores),
        "rows": {"train": len(training.target), "validation": len(validation.target)},
        "libraries": {
            "python": platform.python_version(),
            "xgboost": xgboost.__version__,
            "numpy": np.__version__,
        },
    }


def save(booster: xgboost.Booster, settings: Settings, training: Mapping[str, Any]) -> None:
    """What model.tar.gz will hold."""
    folder = settings.model_dir
    (folder / "code" / "contract").mkdir(parents=True, exist_ok=True)
    booster.save_model(folder / "model.ubj")
    (folder / "training.json").write_text(json.dumps(training, indent=1) + "\n")
    for name in ("recipe.json", "manifest.json"):
        shutil.copyfile(settings.context / name, folder / name)
    for name in ("inference.py", "batch_rows.py"):
        shutil.copyfile(Path(__file__).with_name(name), folder / "code" / name)
    for module in files("contract").iterdir():
        if module.name.endswith(".py"):
            (folder / "code" / "contract" / module.name).write_bytes(module.read_bytes())


def _progress(line: str) -> None:
    """Plain lines, from which SageMaker reads the metric."""
    sys.stdout.write(line)
    sys.stdout.flush()


def _whole(name: str, text: str) -> int:
    if not text.isdecimal():
        raise StepError(f"hyperparameter {name} must be a whole number, is {text!r}")
    return int(text)


def _value(text: str) -> float | int | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


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
