"""What the pipeline computes of a task. Targets and predictions are float64 arrays with one element a row."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

import interval
from contract import Contract, Target
from steps.metrics import Vector

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEAST_ROWS = 2


@dataclass(frozen=True)
class Evaluation(ABC):
    """How models of a task are judged. `name` is the task's.

    `of_slices` are the metrics that say something about any set of rows. `statistics` is the name of the metrics in
    SageMaker's model quality statistics.
    """

    name: str
    of_slices: tuple[str, ...]
    statistics: str

    @abstractmethod
    def metrics(self, contract: Contract, actual: Vector, predicted: Vector) -> dict[str, float]:
        """All metrics of the task; those that the rows do not define are left out."""

    @abstractmethod
    def slices(self, target: Target, actual: Vector) -> Iterator[tuple[str, NDArray[np.bool_]]]:
        """Parts of the rows by what is true of their target: in words, and which rows."""

    @abstractmethod
    def figures(self, actual: Vector, predicted: Vector, target: Target) -> Mapping[str, Figure]:
        """The plots of an evaluation by the names of their files."""

    def too_few(self, target: Target, actual: Vector) -> str:
        """Why the gate's metric says nothing about these rows, or ""."""
        if len(actual) >= LEAST_ROWS:
            return ""
        found = f"there is only {len(actual)} test row" if len(actual) else "there is no test row"
        return f"{found}, and {LEAST_ROWS} are needed"

    def interval(self, target: Target, actual: Vector, unseen: Vector) -> interval.Interval | None:
        """Of predictions, from those that the trees made of rows that they had not seen; None for tasks without."""
        return None
