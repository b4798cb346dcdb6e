"""What a task is: the kind of question that a model answers, and all that a contract follows from it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from contract.reader import Table
from contract.serving import Serving
from contract.target import Target

Limit = Literal["min", "max"]
Sizes = Mapping[str, Mapping[str, int]]
"""Rows by side, and by what `Target.parts` tells apart."""


@dataclass(frozen=True)
class Task(ABC):
    """`objectives` are those of XGBoost that fit it, the first is the default; `training_metric` is watched meanwhile.

    `limits` tells for each metric that a gate may ask for which limit it has: where less is better, `max`.
    `explained` says in what the contributions of an explanation add up.
    """

    name: str
    objectives: tuple[str, ...]
    training_metric: str
    limits: Mapping[str, Limit]
    explained: Literal["value", "log-odds"]
    target_keys: tuple[str, ...]
    """What [target] of a model.toml may hold."""

    @abstractmethod
    def target(self, table: Table) -> Mapping[str, Any]:
        """Fields of `Target` that only this task has. What is wrong with them is added to the table's problems."""

    @abstractmethod
    def read_threshold(self, table: Table) -> float | None:
        """Of [serving]: the probability from which the model says the positive level; None for tasks without."""

    @abstractmethod
    def label(self, value: float, target: Target, serving: Serving) -> str | None:
        """What the model says of a value in the words of the file; None where it says the value itself."""

    @abstractmethod
    def unfit(self, sizes: Sizes, listed: str, target: Target, metric: str) -> str:
        """Why no model can be trained on the train rows and judged on the test rows, and what to upload; or "".

        `listed`: the sizes in words, `metric`: that of the gate, as people write it.
        """

    def told(self, serving: Serving) -> dict[str, Any]:
        """How it comes to its answers, for those who ask the model."""
        return {}

    @abstractmethod
    def example(self, target: Target) -> dict[str, Any]:
        """One prediction of the REST API, with numbers that are made up."""

    @property
    def says_label(self) -> bool:
        """Whether a batch gets a column with it."""
        return self.explained == "log-odds"
