"""Booleans: true or false in JSON, two spellings in a file, and one model input."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

from contract.feature import Feature
from contract.kinds.kind import FeatureKind, Held, Json, Read
from contract.kinds.members import column_of, level_of
from contract.reader import Table
from contract.values import Field, Finding, Value, json_kind

_HINT = 'write levels = ["false", "true"], in the words of the data file'


class Boolean(FeatureKind):
    """Two levels, that of true last. Where a value may be missing both have a model input, so that it is neither."""

    name: ClassVar[str] = "boolean"
    held: ClassVar[Held] = "level"
    keys: ClassVar[tuple[str, ...]] = ("type", "column", "levels", "nullable", "description", "default")
    json_types: ClassVar[tuple[str, ...]] = ("boolean",)

    def read(self, field: Field, text: str, mark: str) -> Read:
        return level_of(field, text)

    def flags(self, field: Field) -> tuple[str, str]:
        false, true = field.levels
        return true, false

    def feature(self, table: Table, name: str) -> Feature:
        levels = table.texts("levels")
        if len(levels) != 2 and not table.problems.at(table.path("levels")):
            table.add("levels", f"must hold the spellings of false and true, holds {len(levels)}; {_HINT}")
        return Feature(
            name=name,
            type=self.name,
            column=column_of(table, name),
            levels=levels,
            nullable=table.flag("nullable"),
            description=table.text("description", default=""),
            default=table.flag("default") if "default" in table.values else None,
        )

    def from_json(self, field: Field, value: object, missing_words: Collection[str]) -> Read:
        if not isinstance(value, bool):
            return None, Finding("", f"must be true or false, is {json_kind(value)}")
        return field.levels[value], None

    def to_json(self, field: Field, value: Value) -> Json:
        return None if value is None else value == field.levels[True]

    def typed(self, field: Field, text: str) -> tuple[Json, Finding | None]:
        level, finding = level_of(field, text)
        if level is not None:
            return level == field.levels[True], None
        return (text == "true", None) if text in ("true", "false") else (None, finding)

    def hint(self, field: Field) -> str:
        return "Write true or false, or as the file has it."

    def schema(self, feature: Feature) -> dict[str, object]:
        return {"type": ["boolean", "null"] if feature.nullable else "boolean"}

    def start(self, feature: Feature) -> Json:
        return False

    def encoded(self, feature: Feature) -> tuple[str, ...]:
        return feature.levels if feature.nullable else feature.levels[1:]
