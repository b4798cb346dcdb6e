"""Checks records of raw feature values, reads them from CSV, and describes them as JSON Schema."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from contract.feature import Feature
from contract.kinds import Json, feature_kind
from contract.model import Contract
from contract.reading import (
    DELIMITERS,
    FileError,
    FileRules,
    Layout,
    RecordReader,
    Row,
    RowReader,
    Value,
    fields_of,
    layout_of,
)
from contract.values import json_kind, missing

MAX_INSTANCES = 500
# Of a name that a message repeats.
_MAX_NAME = 100


@dataclass(frozen=True)
class FieldError:
    """One field of a record that cannot be used. `field` is "" when the record as a whole is wrong."""

    field: str
    reason: str


def validate(contract: Contract, record: Mapping[str, object]) -> tuple[FieldError, ...]:
    """Every field of the record that breaks the contract; () for a good record."""
    return tuple(faults(contract, record))


def faults(contract: Contract, record: Mapping[str, object]) -> Iterator[FieldError]:
    """What `validate` finds, one at a time: a record may hold a million wrong names, and nobody reads as many."""
    return checked(contract, record)[1]


def checked(contract: Contract, record: Mapping[str, object]) -> tuple[Mapping[str, Value], Iterator[FieldError]]:
    """The values of a JSON record as a recipe takes them (levels as declared, None for missing), and what is wrong."""
    if not isinstance(record, Mapping):
        return {}, iter([FieldError("", f"must be an object with one value a feature, is {json_kind(record)}")])
    rules = contract.rules_to_predict
    values: dict[str, Value] = {}
    errors = []
    for field in rules.fields:
        value = record.get(field.name)
        read = feature_kind(field.type).from_json
        values[field.name], found = (None, missing(field)) if value is None else read(field, value, rules.missing_words)
        if found is not None:
            errors.append(FieldError(field.name, found.reason))
    unknown = (str(name) for name in record if name not in values)
    return values, chain(errors, (FieldError(name[:_MAX_NAME], _unknown(contract, name)) for name in unknown))


def as_sent(contract: Contract, values: Mapping[str, Value]) -> dict[str, Json]:
    """The JSON record of good values, as a request has it: every feature, null for a missing one."""
    return {item.name: feature_kind(item.type).to_json(item.field, values.get(item.name)) for item in contract.features}


def csv_rows(contract: Contract, text: str) -> list[Row]:
    """Rows of a CSV whose first line may name the columns; without it, fields are in feature order.

    Raises FileError for what is no table, and for one without a row.
    """
    rules = contract.rules_to_predict
    text = text.removeprefix("\ufeff")
    layout = _layout(text, rules) or _in_feature_order(rules)
    reader = RowReader(rules, layout)
    found = RecordReader(layout.delimiter, width=layout.width).feed(text, final=True)
    rows = [reader.row(record) for record in found if record.line >= layout.first_line]
    if not rows:
        raise FileError("there is no data row; send at least one")
    return rows


def _layout(text: str, rules: FileRules) -> Layout | None:
    """None for a CSV whose first line names no column."""
    columns = {field.column for field in rules.fields}
    first, _, _ = text.lstrip().partition("\n")
    named = any(columns & set(_fields(first, mark)) for mark in DELIMITERS)
    if named or first.lstrip('"').casefold().startswith(("sep=", "#")):
        return layout_of(text.encode("utf-8", "surrogatepass"), rules, complete=True)
    return None


def _fields(line: str, delimiter: str) -> list[str]:
    try:
        return fields_of(line.rstrip("\r"), delimiter)
    except csv.Error:
        return []


def _in_feature_order(rules: FileRules) -> Layout:
    names = tuple(field.column for field in rules.fields)
    positions = {field.name: index for index, field in enumerate(rules.fields)}
    return Layout(
        encoding="utf-8",
        delimiter=rules.data.delimiter or ",",
        decimal=rules.data.decimal or ".",
        compression="none",
        header_line=0,
        first_line=1,
        names=names,
        positions=positions,
    )


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
    """A record that a form starts with: defaults, and something that is allowed where there is none."""
    return {feature.name: _start(feature) for feature in contract.features}


def _start(feature: Feature) -> Json:
    if feature.default is not None or feature.nullable:
        return feature.default
    return feature_kind(feature.type).start(feature)


def _unknown(contract: Contract, name: str) -> str:
    if name == contract.target.name:
        return "is what the model predicts; leave it out"
    return f"is not a feature of {contract.name}; leave it out"


def _property(feature: Feature) -> dict[str, object]:
    schema = feature_kind(feature.type).schema(feature)
    text = f"{feature.description} ({feature.unit})" if feature.unit else feature.description
    described = {**schema, "description": text} if text else schema
    return described if feature.default is None else {**described, "default": feature.default}
