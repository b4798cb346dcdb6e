"""Records to ask a prediction for: from a file, or the contract's example with values changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import contract
from cli.errors import CliError
from cli.target import ROOT


def example(model: str) -> dict[str, Any]:
    """The defaults of every feature of the model's contract."""
    path = ROOT / "models" / model / "model.toml"
    if not path.exists():
        raise CliError(f"There is no {path.relative_to(ROOT)}.", "Name records with --file.")
    return {feature.name: feature.default for feature in contract.load(path).features}


def records_to_ask(model: str, *, file: Path | None, values: list[str]) -> list[dict[str, Any]]:
    """The file's records, or one example record; `values` (name=value) override fields of each."""
    records = _read(file) if file else [example(model)]
    changes = dict(_parse(value) for value in values)
    return [{**record, **changes} for record in records]


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


def _parse(value: str) -> tuple[str, Any]:
    name, equals, text = value.partition("=")
    if not (equals and name):
        raise CliError(
            f"--set {value}: there is no {'name' if equals else chr(39) + '=' + chr(39)}.",
            "Write name=value, for example --set median_income=5.",
        )
    try:
        return name, json.loads(text)
    except (ValueError, RecursionError):
        return name, text
