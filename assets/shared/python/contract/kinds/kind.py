"""What a kind of values is asked: one object a kind answers it, and nobody else decides by its name.

A kind is registered in contract/kinds/__init__.py. The doors to it are `Field.type` and `Feature.type`, its name.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from typing import ClassVar, Literal

from contract.feature import Feature
from contract.reader import Table
from contract.values import Field, Finding, Limit, Value

# How values are held from door to door, in Arrow, Parquet, SQL and numpy: as doubles (null or NaN where missing), as
# one of the field's levels, in its spelling (null where missing), or as any text.
Held = Literal["number", "level", "text"]
Read = tuple[Value, Finding | None]
Json = float | str | bool | None


class Kind(ABC):
    """How the values of a column are read."""

    name: ClassVar[str]
    held: ClassVar[Held]

    @abstractmethod
    def read(self, field: Field, text: str, mark: str) -> Read:
        """What a trimmed text of a file means, which is no word for missing, and why it cannot be used.

        `mark`: the decimal mark of the file.
        """

    def limits(self, field: Field) -> tuple[Limit, ...]:
        """What values that are held as numbers keep, for readers of whole columns."""
        return ()

    def flags(self, field: Field) -> tuple[str, str]:
        """How true and false of a typed table, such as Parquet, are spelled in a file of texts."""
        pairs = (("true", "false"), ("True", "False"), ("TRUE", "FALSE"))
        return next((pair for pair in pairs if {*pair} & {*field.levels}), ("1", "0"))


class FeatureKind(Kind):
    """What a feature of model.toml may be.

    `keys`: of its table. `json_types`: of its values, by the names of JSON Schema.
    """

    keys: ClassVar[tuple[str, ...]]
    json_types: ClassVar[tuple[str, ...]]

    @abstractmethod
    def feature(self, table: Table, name: str) -> Feature:
        """From the table of a model.toml. What is wrong with it becomes a problem there."""

    @abstractmethod
    def from_json(self, field: Field, value: object, missing_words: Collection[str]) -> Read:
        """What a JSON value means that is not null, and why it cannot be used."""

    @abstractmethod
    def to_json(self, field: Field, value: Value) -> Json:
        """A good value as a JSON record has it; null for a missing one."""

    @abstractmethod
    def typed(self, field: Field, text: str) -> tuple[Json, Finding | None]:
        """The JSON value that a person means by a text, and why it is none. The API refuses unknown levels."""

    def hint(self, field: Field) -> str:
        """How to type a value: a sentence behind the reason why a text is none."""
        return ""

    @abstractmethod
    def schema(self, feature: Feature) -> dict[str, object]:
        """JSON Schema (2020-12) of a value."""

    @abstractmethod
    def start(self, feature: Feature) -> Json:
        """What a form starts with where the contract declares nothing: a value that is allowed."""

    def encoded(self, feature: Feature) -> tuple[str, ...]:
        """The levels that have a model input of their own, which is 1 in their rows; none for a number."""
        return ()
