"""Numbers: one model input each, scaled."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

from contract.feature import Feature
from contract.kinds.kind import FeatureKind, Held, Json, Read
from contract.kinds.members import bounds_of, column_of, inside
from contract.reader import Table
from contract.values import Field, Finding, Limit, Value, decimal, json_kind, not_a_number, number_finding


class Number(FeatureKind):
    """A double within bounds. Missing values are imputed."""

    name: ClassVar[str] = "number"
    held: ClassVar[Held] = "number"
    keys: ClassVar[tuple[str, ...]] = ("type", "column", "min", "max", "nullable", "unit", "description", "default")
    json_types: ClassVar[tuple[str, ...]] = ("number",)

    def read(self, field: Field, text: str, mark: str) -> Read:
        value = decimal(text, mark)
        return value, not_a_number(field, text) if value is None else number_finding(field, value)

    def limits(self, field: Field) -> tuple[Limit, ...]:
        return field.limits

    def feature(self, table: Table, name: str) -> Feature:
        low, high = bounds_of(table)
        default = table.optional_number("default")
        if default is not None and not inside(default, low, high):
            table.add("default", f"must lie within min and max, is {default}")
        return Feature(
            name=name,
            type=self.name,
            column=column_of(table, name),
            min=low,
            max=high,
            nullable=table.flag("nullable"),
            unit=table.text("unit", default="") or None,
            description=table.text("description", default=""),
            default=default,
        )

    def from_json(self, field: Field, value: object, missing_words: Collection[str]) -> Read:
        if type(value) is not float and type(value) is not int:  # true and false are no numbers
            return None, Finding("", f"must be a number, is {json_kind(value)}")
        found = number_finding(field, value)
        return (None if found else float(value)), found

    def to_json(self, field: Field, value: Value) -> Json:
        return value

    def typed(self, field: Field, text: str) -> tuple[Json, Finding | None]:
        value = decimal(text)
        return value, not_a_number(field, text) if value is None else None

    def hint(self, field: Field) -> str:
        return "Write it with a decimal point."

    def schema(self, feature: Feature) -> dict[str, object]:
        schema: dict[str, object] = {"type": ["number", "null"] if feature.nullable else "number"}
        if feature.min is not None:
            schema["minimum"] = feature.min
        if feature.max is not None:
            schema["maximum"] = feature.max
        return schema

    def start(self, feature: Feature) -> Json:
        if feature.min is not None and feature.max is not None:
            return (feature.min + feature.max) / 2
        return feature.min if feature.min is not None else min(feature.max or 0.0, 0.0)
