"""An input of a model, as its contract describes it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from contract.values import Field


@dataclass(frozen=True)
class Feature:
    """An input. Bounds are inclusive; `default` is what a form starts with, never an imputed value.

    `type` is the name of one of the FEATURE_KINDS. `column` is its name in the header of a file, where that is another
    one.
    """

    name: str
    type: str
    column: str | None = None
    min: float | None = None
    max: float | None = None
    levels: tuple[str, ...] = ()
    nullable: bool = False
    unit: str | None = None
    description: str = ""
    default: float | str | bool | None = None

    @cached_property
    def field(self) -> Field:
        """How it is read."""
        return Field(
            name=self.name,
            column=self.column or self.name,
            type=self.type,
            levels=self.levels,
            min=self.min,
            max=self.max,
            nullable=self.nullable,
        )
