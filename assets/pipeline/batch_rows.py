"""Batch mode of the served model: lines of a CSV in, each with its prediction or the reason for none out.

A batch transform cuts a file into requests of whole lines, so that only the first one has the header: the names of the
columns come by environment. A row is one line, and a bad one costs nothing but itself.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from contract import Contract, Feature, Recipe, added_columns, decimal, read_record, split_fields

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Predict = Callable[[NDArray[np.float64]], NDArray[np.float32]]

# JSON list of the names in the file's header.
COLUMNS = "BATCH_COLUMNS"
Fields = Sequence[str]


@dataclass(frozen=True)
class Lines:
    """Lines of a file that hold anything. `unreadable`: places of those whose bytes are no UTF-8 text."""

    texts: Sequence[str]
    unreadable: frozenset[int]


@dataclass(frozen=True)
class Answer:
    """The same lines with what a batch adds to each."""

    text: str


@dataclass(frozen=True)
class Layout:
    """The columns of the file, and where among them the features stand."""

    contract: Contract
    names: Fields

    def fields(self, text: str) -> Fields:
        """Raises ValueError for a line that is no row of this file."""
        found = split_fields(text)
        if len(found) != len(self.names):
            raise ValueError(f"{len(found)} fields, the header has {len(self.names)}")
        return found

    @cached_property
    def places(self) -> dict[str, int]:
        """Of each feature in a line."""
        return {feature.name: self.names.index(feature.name) for feature in self.contract.features}

    def named(self, fields: Fields) -> dict[str, str]:
        return {name: fields[place] for name, place in self.places.items()}

    def columns(self, rows: Sequence[Fields]) -> dict[str, Fields]:
        """Texts of each feature, one a row."""
        turned = list(zip(*rows, strict=True)) or [()] * len(self.names)
        return {name: turned[place] for name, place in self.places.items()}


def is_asked() -> bool:
    return COLUMNS in os.environ


def lines_of(body: str | bytes) -> Lines:
    raw = body.encode() if isinstance(body, str) else body
    texts: list[str] = []
    unreadable: set[int] = set()
    for line in raw.removeprefix(b"\xef\xbb\xbf").split(b"\n"):
        if not line.strip():
            continue
        try:
            text = line.decode()
        except UnicodeDecodeError:
            text = line.decode(errors="backslashreplace")
            unreadable.add(len(texts))
        texts.append(text.rstrip("\r"))
    return Lines(texts, frozenset(unreadable))


def answer(lines: Lines, recipe: Recipe, predict: Predict) -> Answer:
    """Rows are checked as those of online requests are, with the same reasons, and predicted from the same inputs."""
    layout = Layout(recipe.contract, json.loads(os.environ[COLUMNS]))
    rows, done = _rows(layout, lines)
    places = np.array(list(rows), dtype=int)
    values, good = _values(layout, list(rows.values()))
    for place in places[~good].tolist():
        done[place] = _not_predicted(layout, lines.texts[place], rows[place])
    _report(len(lines.texts), len(done))
    if good.any():
        chosen = {name: column[good] for name, column in values.items()}
        predictions = predict(recipe.apply_columns(chosen)).tolist()
        for place, ending in zip(places[good].tolist(), _endings(recipe.contract, predictions), strict=True):
            done[place] = f"{lines.texts[place]},{ending}"
    return Answer("".join(f"{done[place]}\n" for place in range(len(lines.texts))))


def _rows(layout: Layout, lines: Lines) -> tuple[dict[int, Fields], dict[int, str]]:
    """By place: the fields of each row, and what becomes of the lines that are none."""
    rows: dict[int, Fields] = {}
    refused: dict[int, str] = {}
    for place, text in enumerate(lines.texts):
        try:
            if place in lines.unreadable:
                raise ValueError("the line is not UTF-8 text")
            rows[place] = layout.fields(text)
        except ValueError as error:
            # Whole in the first column, so that what follows stays where the header says.
            whole = _quoted(text) + "," * (len(layout.names) - 1)
            refused[place] = _refused(layout, whole, str(error))
    return rows, refused


def _values(layout: Layout, rows: Sequence[Fields]) -> tuple[dict[str, NDArray[Any]], NDArray[np.bool_]]:
    """A column for each feature, and which rows keep to the contract in all of them."""
    values, good = {}, np.ones(len(rows), dtype=bool)
    for feature, texts in zip(layout.contract.features, layout.columns(rows).values(), strict=True):
        values[feature.name], allowed = _CHECKS[feature.type](feature, texts)
        good &= allowed
    return values, good


def _number(feature: Feature, texts: Fields) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    column = np.array([decimal(text) for text in texts], dtype=float)
    low, high = (-np.inf if feature.min is None else feature.min), (np.inf if feature.max is None else feature.max)
    allowed = np.isfinite(column) & (column >= low) & (column <= high)
    return column, allowed | _empty(texts) if feature.nullable else allowed


def _category(feature: Feature, texts: Fields) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    levels = frozenset(feature.levels)
    column = np.array([text or None for text in texts], dtype=object)
    allowed = np.fromiter((text in levels for text in texts), dtype=bool, count=len(texts))
    return column, allowed | _empty(texts) if feature.nullable else allowed


_CHECKS = {"number": _number, "category": _category}


def _empty(texts: Fields) -> NDArray[np.bool_]:
    return np.fromiter((not text for text in texts), dtype=bool, count=len(texts))


def _not_predicted(layout: Layout, text: str, fields: Fields) -> str:
    """The header, or a row that breaks the contract."""
    if list(fields) == list(layout.names):
        return ",".join([text, *added_columns(layout.contract)])
    _, errors = read_record(layout.contract, layout.named(fields))
    return _refused(layout, text, "; ".join(f"{error.field}: {error.reason}" for error in errors))


def _endings(contract: Contract, values: Iterable[float]) -> Iterator[str]:
    """Numbers as JSON writes them in an online answer, and no error."""
    threshold = contract.serving.threshold
    for value in values:
        if contract.task == "binary" and threshold is not None:
            yield f"{value!r},{_field(contract.target.levels[value >= threshold])},"
        else:
            yield f"{value!r},"


def _refused(layout: Layout, line: str, reason: str) -> str:
    return line + "," * len(added_columns(layout.contract)) + _quoted(reason)


def _field(text: str) -> str:
    return _quoted(text) if any(mark in text for mark in ',"') else text


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _report(lines: int, without: int) -> None:
    """To the job's log, from which `mlops batch` reads how far a batch is."""
    sys.stdout.write(json.dumps({"event": "batch rows", "lines": lines, "not_predicted": without}) + "\n")
    sys.stdout.flush()
