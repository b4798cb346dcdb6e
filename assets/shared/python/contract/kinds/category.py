"""Categories: one of some levels, each with a model input of its own."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

from contract.feature import Feature
from contract.kinds.kind import FeatureKind, Held, Json, Read
from contract.kinds.members import column_of, level_of, levels_of
from contract.reader import Table
from contract.values import Field, Finding, Value, json_kind, missing


class Category(FeatureKind):
    """A text out of a list. A missing value is a row without a 1 in any of the model inputs."""

    name: ClassVar[str] = "category"
    held: ClassVar[Held] = "level"
    keys: ClassVar[tuple[str, ...]] = ("type", "column", "levels", "nullable", "description", "default")
    json_types: ClassVar[tuple[str, ...]] = ("string",)

    def read(self, field: Field, text: str, mark: str) -> Read:
        return level_of(field, text)

    def feature(self, table: Table, name: str) -> Feature:
        levels = levels_of(table)
        return Feature(
            name=name,
            type=self.name,
            column=column_of(table, name),
            levels=levels,
            nullable=table.flag("nullable"),
            description=table.text("description", default=""),
            default=table.choice("default", levels) or None if "default" in table.values and levels else None,
        )

    def from_json(self, field: Field, value: object, missing_words: Collection[str]) -> Read:
        """As a text of a file: a number is one by its digits."""
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = repr(value)
        if not isinstance(value, str):
            return None, Finding("", f"must be text, is {json_kind(value)}")
        text = value.strip()
        if field.is_missing(text, missing_words):
            return None, missing(field)
        return level_of(field, text)

    def to_json(self, field: Field, value: Value) -> Json:
        return value

    def typed(self, field: Field, text: str) -> tuple[Json, Finding | None]:
        return text, None

    def schema(self, feature: Feature) -> dict[str, object]:
        if feature.nullable:
            return {"enum": [*feature.levels, None]}
        return {"type": "string", "enum": list(feature.levels)}

    def start(self, feature: Feature) -> Json:
        return feature.levels[0]

    def encoded(self, feature: Feature) -> tuple[str, ...]:
        return feature.levels
