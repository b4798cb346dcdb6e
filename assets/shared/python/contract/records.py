"""Checks records of raw feature values, reads them from CSV, and describes them as JSON Schema."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from contract.model import Contract, Feature

MAX_INSTANCES = 500
# Of a name or a level that a message repeats; of the levels that it lists.
_MAX_NAME, _MAX_LEVELS = 100, 20
# Possessive: a million digits and a letter would be tried a million times otherwise.
_DECIMAL = re.compile(r"[+-]?+(?:\d++(?:\.\d*+)?+|\.\d++)(?:[eE][+-]?+\d++)?+", re.ASCII)


@dataclass(frozen=True)
class FieldError:
    """One field of a record that cannot be used. `field` is "" when the record as a whole is wrong."""

    field: str
    reason: str


class RecordError(ValueError):
    """A CSV that cannot be read. `row` counts data rows from 1; 0 is the header or the file as a whole."""

    def __init__(self, row: int, field: str, reason: str) -> None:
        super().__init__(row, field, reason)
        self.row, self.field, self.reason = row, field, reason

    def __str__(self) -> str:
        place = f"row {self.row}" if self.row else "header"
        return f"{place}, {self.field}: {self.reason}" if self.field else f"{place}: {self.reason}"


def validate(contract: Contract, record: Mapping[str, object]) -> tuple[FieldError, ...]:
    """Every field of the record that breaks the contract; () for a good record."""
    return tuple(faults(contract, record))


def faults(contract: Contract, record: Mapping[str, object]) -> Iterator[FieldError]:
    """What `validate` finds, one at a time: a record may hold a million wrong names, and nobody reads as many."""
    if not isinstance(record, Mapping):
        yield FieldError("", f"must be an object with one value a feature, is {_kind(record)}")
        return
    for feature in contract.features:
        reason = _problem(feature, record.get(feature.name))
        if reason:
            yield FieldError(feature.name, reason)
    known = {feature.name for feature in contract.features}
    for name in record:
        if name not in known:
            yield FieldError(str(name)[:_MAX_NAME], _unknown(contract, str(name)))


def parse_csv(contract: Contract, text: str) -> list[dict[str, object]]:
    """Records of a CSV whose first row may name the features; without it, fields are in feature order.

    An empty field becomes None. The values are not checked against bounds: `validate` does that.
    """
    rows = _rows(text)
    first = [field.strip() for field in rows[0]] if rows else []
    header = not {feature.name for feature in contract.features}.isdisjoint(first)
    features = _header(contract, first) if header else list(contract.features)
    records = [_record(features, row, number) for number, row in enumerate(rows[1:] if header else rows, start=1)]
    if not records:
        raise RecordError(0, "", "there is no data row; send at least one")
    return records


def read_record(contract: Contract, texts: Mapping[str, str]) -> tuple[dict[str, object], tuple[FieldError, ...]]:
    """The record of one row of trimmed texts by feature, and what breaks the contract in it. An empty text is None."""
    record: dict[str, object] = {}
    unreadable: dict[str, FieldError] = {}
    for feature in contract.features:
        try:
            record[feature.name] = _field(feature, texts[feature.name], 0)
        except RecordError as error:
            record[feature.name] = None
            unreadable[feature.name] = FieldError(error.field, error.reason)
    # What cannot be read is not missing as well.
    found = {error.field: error for error in validate(contract, record)} | unreadable
    return record, tuple(found[name] for name in record if name in found)


def decimal(text: str) -> float | None:
    """A number as CSV files write it, infinite where a double ends; None for anything else, such as nan or 1_000."""
    return float(text) if _DECIMAL.fullmatch(text) else None


def json_schema(contract: Contract) -> dict[str, object]:
    """JSON Schema (2020-12) of one record."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": contract.name,
        "type": "object",
        "additionalProperties": False,
        "required": [feature.name for feature in contract.features if not feature.nullable],
        "properties": {feature.name: _property(feature) for feature in contract.features},
    }


def example(contract: Contract) -> dict[str, object]:
    """The record that a form starts with."""
    return {feature.name: feature.default for feature in contract.features}


def _problem(feature: Feature, value: object) -> str | None:
    if value is None:
        return None if feature.nullable else "is missing"
    return _category_problem(feature, value) if feature.type == "category" else _number_problem(feature, value)


def _number_problem(feature: Feature, value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"must be a number, is {_kind(value)}"
    if not -sys.float_info.max <= value <= sys.float_info.max:
        return "must be a finite number"
    if feature.min is not None and value < feature.min:
        return f"must be at least {feature.min:g}, is {value:.12g}"
    if feature.max is not None and value > feature.max:
        return f"must be at most {feature.max:g}, is {value:.12g}"
    return None


def _category_problem(feature: Feature, value: object) -> str | None:
    if isinstance(value, str) and value in feature.levels:
        return None
    levels = ", ".join(f'"{level}"' for level in feature.levels[:_MAX_LEVELS])
    more = len(feature.levels) - _MAX_LEVELS
    listed = f"{levels} and {more:,} more" if more > 0 else levels
    return f"must be one of {listed}, is " + (f'"{value[:60]}"' if isinstance(value, str) else _kind(value))


def _unknown(contract: Contract, name: str) -> str:
    if name == contract.target.name:
        return "is what the model predicts; leave it out"
    return f"is not a feature of {contract.name}; leave it out"


def _kind(value: object) -> str:
    if value is None:
        return "null"
    names = {bool: "true or false", str: "text", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return names.get(type(value), type(value).__name__)


def _rows(text: str) -> list[list[str]]:
    import csv

    try:
        return [row for row in csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True) if row]
    except csv.Error as error:
        raise RecordError(0, "", f"is not valid CSV: {error}") from error


def _header(contract: Contract, names: list[str]) -> list[Feature]:
    features = {feature.name: feature for feature in contract.features}
    seen: set[str] = set()
    for name in names:
        if name not in features:
            raise RecordError(0, name[:_MAX_NAME], _unknown(contract, name))
        if name in seen:
            raise RecordError(0, name, "stands twice in the header; keep one")
        seen.add(name)
    for feature in contract.features:
        if feature.name not in seen and not feature.nullable:
            raise RecordError(0, feature.name, "is missing from the header; add the column")
    return [features[name] for name in names]


def _record(features: list[Feature], row: list[str], number: int) -> dict[str, object]:
    if len(row) != len(features):
        raise RecordError(number, "", f"has {len(row)} fields, expected {len(features)}")
    return {feature.name: _field(feature, text.strip(), number) for feature, text in zip(features, row, strict=True)}


def _field(feature: Feature, text: str, number: int) -> object:
    if not text:
        return None
    if feature.type == "category":
        return text
    value = decimal(text)
    if value is None:
        raise RecordError(number, feature.name, f'must be a number, is "{text[:60]}"')
    return value


def _property(feature: Feature) -> dict[str, object]:
    if feature.type == "category":
        return _category_property(feature)
    schema: dict[str, object] = {"type": ["number", "null"] if feature.nullable else "number"}
    if feature.min is not None:
        schema["minimum"] = feature.min
    if feature.max is not None:
        schema["maximum"] = feature.max
    return _described(schema, feature)


def _category_property(feature: Feature) -> dict[str, object]:
    values: list[str | None] = list(feature.levels)
    if feature.nullable:
        return _described({"enum": [*values, None]}, feature)
    return _described({"type": "string", "enum": values}, feature)


def _described(schema: dict[str, object], feature: Feature) -> dict[str, object]:
    text = f"{feature.description} ({feature.unit})" if feature.unit else feature.description
    described = {**schema, "description": text} if text else schema
    return described if feature.default is None else {**described, "default": feature.default}
