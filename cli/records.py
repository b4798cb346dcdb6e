"""Records to ask a prediction for: from a file, of a run, or the example of the live version with values changed."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from cli.errors import CliError
from contract.kinds import Json, feature_kind
from contract.reading import Field, field_of
from contract.wording import closest


class Told:
    """What the REST API tells of a model: the features of the version that answers, or of the deployed contract."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.model = str(document["name"])
        self.example: dict[str, Any] = dict(document["example"])
        self._features: list[Mapping[str, Any]] = list(document["features"])
        self.missing_words = frozenset(document["data"]["missing"])

    @cached_property
    def fields(self) -> Mapping[str, Field]:
        """By the name in a file, and by the short name, which wins."""
        found = [field_of(feature) for feature in self._features]
        return {**{field.column: field for field in found}, **{field.name: field for field in found}}

    def made_up(self, known: Collection[str] = ()) -> list[str]:
        """Features whose value in the example stands in nobody's contract, and that are none of the `known`."""
        bare = [item for item in self._features if "default" not in item and not item["nullable"]]
        return [item["name"] for item in bare if item["name"] not in known]


def real_or_example(told: Told, golden: Path) -> dict[str, Any]:
    """The defaults of the contract. Where it lacks some, the first of the test rows in `golden`, a golden.json."""
    if not told.made_up() or not golden.is_file():
        return told.example
    first: dict[str, Any] = json.loads(golden.read_text(encoding="utf-8"))["instances"][0]
    return first


def records_to_ask(told: Told, *, file: Path | None, values: list[str]) -> list[dict[str, Any]]:
    """The file's records, or one example record; `values` (name=value) override fields of each."""
    records = _read(file) if file else [told.example]
    changes = dict(_parse(value, told) for value in values)
    return [{**record, **changes} for record in records]


def assumed(told: Told, record: Mapping[str, Any], values: list[str]) -> str:
    """A sentence about values of the example that neither the contract nor a person named; "" without any."""
    names = told.made_up({_parse(value, told)[0] for value in values})
    if not names:
        return ""
    listed = ", ".join(
        f"{name}={record[name]:g}" if _is_number(record[name]) else f"{name}={_word(record[name])}" for name in names
    )
    return (
        f"Assumed, for nothing says otherwise: {listed}. Give your own: --set name=value, or a default in model.toml."
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _word(value: object) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)


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


def _parse(value: str, told: Told) -> tuple[str, Json]:
    """A feature and its value, read as the feature's type says; nothing, or a word for missing, is a missing one."""
    name, equals, text = (part.strip() for part in value.partition("="))
    if not (equals and name):
        raise CliError(
            f"--set {value}: there is no {'name' if equals else chr(39) + '=' + chr(39)}.",
            "Write name=value, for example --set median_income=5.",
        )
    field = told.fields.get(name)
    if field is None:
        hint = closest(name, list(told.example))
        raise CliError(f"--set {value}: {name} is not a feature of {told.model}; {hint}")
    if field.is_missing(text, told.missing_words):
        return field.name, None
    kind = feature_kind(field.type)
    meant, finding = kind.typed(field, text)
    if finding is not None:
        raise CliError(f"--set {value}: {name} {finding.reason}.", kind.hint(field))
    return field.name, meant
