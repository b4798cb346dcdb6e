"""What model.toml [training] asks for, as SageMaker hands it to the training script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from contract import Contract
from steps.failures import StepError

_WHOLE = ("rounds", "early_stopping_rounds", "seed")
_OWN = (*_WHOLE, "refit")


@dataclass(frozen=True)
class Hyperparameters:
    """`refit`: whether the trees are grown once more, on train and validation rows. `parameters` are XGBoost's."""

    rounds: int
    early_stopping_rounds: int
    seed: int
    refit: bool
    parameters: Mapping[str, float | int | str]


def hyperparameters_of(argv: Sequence[str]) -> Hyperparameters:
    """From `--name value` pairs: four of our own, everything else is XGBoost's. Raises StepError."""
    names, values = argv[::2], argv[1::2]
    if len(names) != len(values) or not all(name.startswith("--") for name in names):
        raise StepError(f"hyperparameters must come as --name value pairs, got: {' '.join(argv)}")
    given = {name.removeprefix("--"): value for name, value in zip(names, values, strict=True)}
    missing = [name for name in _OWN if name not in given]
    if missing:
        raise StepError(
            f"hyperparameter {', '.join(missing)} is missing; the pipeline sets it from model.toml [training]"
        )
    rounds, early_stopping_rounds, seed = (_whole(name, given.pop(name)) for name in _WHOLE)
    return Hyperparameters(
        rounds=rounds,
        early_stopping_rounds=early_stopping_rounds,
        seed=seed,
        refit=_flag("refit", given.pop("refit")),
        parameters={name: _value(text) for name, text in sorted(given.items())},
    )


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


def _whole(name: str, text: str) -> int:
    if not text.isdecimal():
        raise StepError(f"hyperparameter {name} must be a whole number, is {text!r}")
    return int(text)


def _flag(name: str, text: str) -> bool:
    """The training toolkit of SageMaker reads true as JSON and hands on what Python writes for it, True."""
    word = text.lower()
    if word not in ("true", "false"):
        raise StepError(f"hyperparameter {name} must be true or false, is {text!r}")
    return word == "true"


def _value(text: str) -> float | int | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
