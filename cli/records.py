"""Records to ask a prediction for: from a file, of a run, or the contract's example with values changed."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import contract
from cli.errors import CliError
from cli.target import ROOT
from contract import Contract
from contract.reading import decimal, quoted
from contract.wording import closest


def example(model: str) -> dict[str, Any]:
    """A record that the model's contract allows: its defaults, and something within bounds where it has none."""
    return contract.example(_contract(model))


def real_or_example(model: str, golden: Path) -> dict[str, Any]:
    """The contract's defaults. Where it lacks some, the first of the test rows in `golden`, a golden.json."""
    if not made_up(model) or not golden.is_file():
        return example(model)
    first: dict[str, Any] = json.loads(golden.read_text(encoding="utf-8"))["instances"][0]
    return first


def made_up(model: str, known: Collection[str] = ()) -> list[str]:
    """Features whose value in the example stands in nobody's contract, and that are none of the `known`."""
    features = _contract(model).features
    return [f.name for f in features if f.default is None and not f.nullable and f.name not in known]


def records_to_ask(model: str, *, file: Path | None, values: list[str]) -> list[dict[str, Any]]:
    """The file's records, or one example record; `values` (name=value) override fields of each."""
    records = _read(file) if file else [example(model)]
    changes = dict(_parse(value, model) for value in values)
    return [{**record, **changes} for record in records]


def assumed(model: str, record: Mapping[str, Any], values: list[str]) -> str:
    """A sentence about values of the example that neither the contract nor a person named; "" without any."""
    names = made_up(model, {_parse(value, model)[0] for value in values})
    if not names:
        return ""
    listed = ", ".join(
        f"{name}={record[name]:g}" if _is_number(record[name]) else f"{name}={record[name]}" for name in names
    )
    return (
        f"Assumed, for nothing says otherwise: {listed}. Give your own: --set name=value, or a default in model.toml."
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)


def _contract(model: str) -> Contract:
    path = ROOT / "models" / model / "model.toml"
    if not path.exists():
        raise CliError(f"There is no {path.relative_to(ROOT)}.", "Name records with --file.")
    return contract.load(path)


def _read(file: Path) -> list[dict[str, Any]]:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise CliError(f"Cannot read {file}: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise CliError(f"{file} is not JSON: {error}.", "Write one record or a list of records.") from error
    records = document if isinstance(document, list) else [document]
    if not all(isinstance(record, dict) for record in records):
        raise CliError(
            f"{file} holds something else than records.", "A record is an object of feature names and values."
        )
    if not records:
        raise CliError(f"{file} holds no record.", "Write one record or a list of records.")
    return records


def _parse(value: str, model: str) -> tuple[str, float | str | None]:
    """A feature and its value, read as the feature's type says; nothing, or a word for missing, is a missing one."""
    name, equals, text = (part.strip() for part in value.partition("="))
    if not (equals and name):
        raise CliError(
            f"--set {value}: there is no {'name' if equals else chr(39) + '=' + chr(39)}.",
            "Write name=value, for example --set median_income=5.",
        )
    rules = _contract(model).rules_to_predict
    fields = {**{field.column: field for field in rules.fields}, **{field.name: field for field in rules.fields}}
    if name not in fields:
        hint = closest(name, [field.name for field in rules.fields])
        raise CliError(f"--set {value}: {name} is not a feature of {model}; {hint}")
    field = fields[name]
    if field.is_missing(text, rules.missing_words):
        return field.name, None
    if field.type == "category":
        return field.name, text
    number = decimal(text)
    if number is None:
        raise CliError(f"--set {value}: {name} must be a number, is {quoted(text)}.", "Write it with a decimal point.")
    return field.name, number
