"""How the page says what a model predicts: a number in its unit, or a level with its probability."""

from __future__ import annotations

import statistics
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from frontend.answers import Model, Target
from frontend.formatting import amount, share, signed, title

LOW, HIGH = "low", "high"


@dataclass(frozen=True)
class Output(ABC):
    """Of one model. `threshold`: from which number it says the positive level, where it tells one."""

    target: Target
    threshold: float | None

    @property
    @abstractmethod
    def column(self) -> str:
        """Of the number, in a table of results."""

    @property
    @abstractmethod
    def label(self) -> str:
        """What the number is, as a heading."""

    @property
    @abstractmethod
    def axis(self) -> str:
        """What the number is, beside a curve."""

    @property
    @abstractmethod
    def beside(self) -> tuple[str, ...]:
        """Columns of a table of results beside the one of what is predicted."""

    @abstractmethod
    def words(self, value: float, *, unit: bool = False) -> str: ...

    @abstractmethod
    def change(self, before: float, after: float) -> str: ...

    @abstractmethod
    def middle(self, values: Sequence[float]) -> str:
        """The median in words, "" where it says nothing."""

    @property
    @abstractmethod
    def is_number(self) -> bool:
        """Whether the prediction is the number itself, and not a word."""

    @property
    def rule(self) -> str:
        """From which number the model says which level, "" where there is nothing to tell."""
        return ""

    @property
    def predicted(self) -> str:
        """The column of what is predicted."""
        return f"predicted_{self.target.name}"

    @property
    def heading(self) -> str:
        """The target with its unit, where it has one."""
        named = title(self.target.name)
        return f"{named} ({self.target.unit})" if self.target.unit else named


class Amount(Output):
    """A number in the unit of the target."""

    @property
    def column(self) -> str:
        return self.predicted

    @property
    def label(self) -> str:
        unit = f" ({self.target.unit})" if self.target.unit else ""
        return f"Predicted {title(self.target.name).lower()}{unit}"

    @property
    def axis(self) -> str:
        return self.heading

    @property
    def beside(self) -> tuple[str, ...]:
        return LOW, HIGH

    def words(self, value: float, *, unit: bool = False) -> str:
        return amount(value, self.target.unit if unit else "")

    def change(self, before: float, after: float) -> str:
        return signed(after - before, self.target.unit)

    def middle(self, values: Sequence[float]) -> str:
        return amount(statistics.median(values), self.target.unit)

    @property
    def is_number(self) -> bool:
        return True


class Probability(Output):
    """One of two levels, the positive one last, by its probability."""

    @property
    def column(self) -> str:
        return "probability"

    @property
    def label(self) -> str:
        return f"Probability of {self.target.levels[-1]}"

    @property
    def axis(self) -> str:
        return self.label

    @property
    def beside(self) -> tuple[str, ...]:
        return (self.column,)

    def words(self, value: float, *, unit: bool = False) -> str:
        return share(value)

    def change(self, before: float, after: float) -> str:
        return f"{100 * (after - before):+.1f} points"

    def middle(self, values: Sequence[float]) -> str:
        return ""

    @property
    def is_number(self) -> bool:
        return False

    @property
    def rule(self) -> str:
        if self.threshold is None:
            return ""
        return f"{self.target.levels[-1]} from a probability of {share(self.threshold)}"


def output_of(model: Model) -> Output:
    """By what the contract's document says of the target."""
    kind = Probability if model.target.levels else Amount
    return kind(model.target, model.threshold)
