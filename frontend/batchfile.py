"""A CSV of records: what it holds for a model, row by row, and an empty one to start from."""

from __future__ import annotations

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from frontend.answers import Feature, Model
from frontend.forms import Value

# Possessive: a million digits and a letter would be tried a million times otherwise.
_DECIMAL = re.compile(r"[+-]?+(?:\d++(?:\.\d*+)?+|\.\d++)(?:[eE][+-]?+\d++)?+", re.ASCII)
# As data sets write a missing value.
BLANKS = frozenset({"", "na", "n/a", "nan", "null", "none"})


class FileError(ValueError):
    """A file that cannot be read as a whole. The message says what to do."""


@dataclass(frozen=True)
class Problem:
    """Why a row has no prediction."""

    field: str
    reason: str


@dataclass(frozen=True)
class Row:
    """A row as the file has it, the instance it makes, and what is wrong with it. `line` counts from 1, the header."""

    line: int
    cells: Mapping[str, str]
    instance: Mapping[str, Value]
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class BatchFile:
    """`ignored` are columns that the model does not know."""

    columns: tuple[str, ...]
    ignored: tuple[str, ...]
    rows: tuple[Row, ...]


def read(content: bytes, model: Model) -> BatchFile:
    """Raises FileError for what is wrong with the file; what is wrong with a row stands in the row."""
    lines = _lines(content)
    if not lines:
        raise FileError("The file is empty. Start from the template.")
    columns = tuple(name.strip() for name in lines[0][1])
    _check_header(columns, model)
    rows = tuple(_row(columns, model.features, line, cells) for line, cells in lines[1:])
    if not rows:
        raise FileError("The file has a header and no rows.")
    known = {feature.name for feature in model.features}
    return BatchFile(columns=columns, ignored=tuple(name for name in columns if name not in known), rows=rows)


def decimal(text: str) -> float | None:
    """What `contract.decimal` says, which this page's image does not hold: None for nan, 1_000 or foreign digits."""
    return float(text) if _DECIMAL.fullmatch(text) else None


def template(model: Model) -> str:
    """A CSV with the model's columns and one example row."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(feature.name for feature in model.features)
    writer.writerow("" if feature.default is None else feature.default for feature in model.features)
    return text.getvalue()


def _lines(content: bytes) -> list[tuple[int, list[str]]]:
    """Line number and cells of every line that is not blank."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileError("The file is not UTF-8 text. Save it as CSV (UTF-8).") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    found = []
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                found.append((reader.line_num, cells))
    except csv.Error as error:
        raise FileError(f"Line {reader.line_num} is not valid CSV: {error}.") from error
    return found


def _check_header(columns: Sequence[str], model: Model) -> None:
    names = [feature.name for feature in model.features]
    if len(columns) == 1 and (";" in columns[0] or "\t" in columns[0]) and len(names) > 1:
        raise FileError("The columns are not separated by commas. Save the file with commas.")
    if twice := sorted(name for name, times in Counter(columns).items() if times > 1):
        raise FileError(f"Column {', '.join(twice)} stands twice in the header. Keep one.")
    absent = [f.name for f in model.features if f.name not in columns and not f.nullable]
    if absent:
        hint = "The first line must name the columns." if not set(names) & set(columns) else "Add them."
        raise FileError(f"The header lacks {', '.join(absent)}. {hint}")


def _row(columns: Sequence[str], features: Sequence[Feature], line: int, cells: Sequence[str]) -> Row:
    named = dict(zip(columns, (cell.strip() for cell in cells), strict=False))
    if len(cells) != len(columns):
        problem = Problem("", f"has {len(cells)} cells, the header {len(columns)}")
        return Row(line, named, {}, (problem,))
    instance: dict[str, Value] = {}
    problems = []
    for feature in features:
        try:
            instance[feature.name] = _value(feature, named.get(feature.name, ""))
        except ValueError as error:
            problems.append(Problem(feature.name, str(error)))
    return Row(line, named, instance, tuple(problems))


def _value(feature: Feature, text: str) -> Value:
    """Whether a value lies within the bounds is the API's to say, here stands only what JSON needs."""
    if text.casefold() in BLANKS and text not in feature.levels:
        if feature.nullable:
            return None
        raise ValueError("is missing")
    if feature.type == "category":
        return text
    number = decimal(text)
    if number is None:
        raise ValueError(f'must be a number, is "{text[:60]}"')
    if not math.isfinite(number):
        raise ValueError("must be a finite number")
    return number
