"""What a model predicts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from contract.kinds import CATEGORY, NUMBER
from contract.reading import Field


@dataclass(frozen=True)
class Target:
    """The column to predict: a number, which the source censors at `cap`, or one of two levels, the positive last."""

    name: str
    unit: str = ""
    min: float | None = None
    max: float | None = None
    cap: float | None = None
    levels: tuple[str, ...] = ()
    description: str = ""
    column: str | None = None

    @cached_property
    def field(self) -> Field:
        """How it is read. It stands in files alone: reasons call it by its column there."""
        kind = CATEGORY if self.levels else NUMBER
        column = self.column or self.name
        return Field(
            name=self.name, column=column, type=kind.name, levels=self.levels, min=self.min, max=self.max, label=column
        )

    @property
    def coded(self) -> bool:
        """Whether the place of its level stands for it in data sets and answers, and not its value."""
        return bool(self.levels)

    @property
    def parts(self) -> tuple[str, ...]:
        """Its levels; a number is one part without a name."""
        return self.levels or ("",)

    def said(self, value: float) -> float | str:
        """What a data set holds, in the words of the file."""
        return self.levels[int(value)] if self.coded else value

    @property
    def question(self) -> tuple[str, str, tuple[str, ...]]:
        """Equal for targets that ask the same, whatever their names."""
        return self.field.column, self.unit, self.levels

    @property
    def described(self) -> str:
        of = f" in {self.unit}" if self.unit else f" of {' or '.join(self.levels)}" if self.levels else ""
        return f"{self.field.column}{of}"

    def to_document(self) -> dict[str, object]:
        """For those who ask the model: name, unit, description, levels."""
        levels = {"levels": list(self.levels)} if self.levels else {}
        return {"name": self.name, "unit": self.unit, "description": self.description, **levels}
