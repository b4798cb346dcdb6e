"""Batch mode of the served model: rows of a data file in, each with its prediction or the reason for none out.

A batch transform cuts a file into requests of whole lines, so that only the first one has the header: the names of the
columns come by environment, and how the file is written. A row is one line, and a bad one costs nothing but itself.
"""

from __future__ import annotations

import csv
import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from contract import Contract, FileError, FileRefusal, Recipe, added_columns, check_added
from contract.kinds import kind_of
from contract.reading import ESCAPE, Field, Layout, Record, RowReader, decimal, fields_of, restored
from csv_output import Output

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Predict = Callable[[NDArray[np.float64]], NDArray[np.float32]]

# JSON list of the names in the file's header. A table that names its own columns comes without.
COLUMNS = "BATCH_COLUMNS"
# JSON object with delimiter, decimal and encoding of the file.
FORMAT = "BATCH_FORMAT"
# Numbers as contract.decimal knows them, and empty texts, one a line.
_NUMBER = r"(?:[+-]?+(?:\d++\.?+\d*+|\.\d++)(?:[eE][+-]?+\d++)?+)?+"
_NUMBERS = re.compile(rf"{_NUMBER}(?:\n{_NUMBER})*+", re.ASCII)
Fields = Sequence[str]


@dataclass(frozen=True)
class Lines:
    """Records of a file as they stood in it. `names`: those that the file itself says."""

    records: Sequence[Record]
    names: Fields | None = None


@dataclass(frozen=True)
class Whole:
    """A Parquet file, which the contract, which only the model knows, tells how to read."""

    body: bytes


@dataclass(frozen=True)
class Answer:
    """The same rows with what a batch adds to each."""

    text: str


@dataclass(frozen=True)
class File:
    """How the file is written, and where among its columns the features stand."""

    contract: Contract
    layout: Layout

    @classmethod
    def of(cls, contract: Contract, names: Fields, *, header_line: int) -> File:
        """`header_line`: 0 for a table. Raises FileError where a column is missing that this version needs."""
        written = json.loads(os.environ.get(FORMAT, "{}"))
        return cls(contract, Layout.of_names(names, contract.rules_to_predict, header_line=header_line, **written))

    @cached_property
    def reader(self) -> RowReader:
        return RowReader(self.contract.rules_to_predict, self.layout)

    @cached_property
    def output(self) -> Output:
        return Output(self.layout.delimiter, self.layout.decimal, len(added_columns(self.contract)))


def is_asked() -> bool:
    return COLUMNS in os.environ or FORMAT in os.environ


def delimiter() -> str:
    return str(json.loads(os.environ.get(FORMAT, "{}")).get("delimiter", ","))


def lines_of(body: str | bytes) -> Lines:
    """Of one request, where each record is a line."""
    mark = delimiter()
    text = body if isinstance(body, str) else body.decode("utf-8", "surrogateescape")
    lines = text.removeprefix("\ufeff").split("\n")
    read = _record if '"' in text or ESCAPE in text else _plain_record
    return Lines([read(line.rstrip("\r"), mark) for line in lines if line and not line.isspace()])


def lines_of_table(table: Whole, contract: Contract) -> Lines:
    """Raises FileError."""
    from parquet_rows import table_of

    names, rows = table_of(table.body, contract)
    output = Output(delimiter(), ".", 0)
    return Lines([Record(0, output.row(fields) if fields else "", fields) for fields in rows], names)


def answer(data: Lines | Whole, recipe: Recipe, predict: Predict) -> Answer:
    """Rows are checked as those of online requests are, with the same reasons, and predicted from the same inputs.

    Nobody looked into a whole table before: why none of it is predicted is an answer. Raises FileError for lines.
    """
    if isinstance(data, Lines):
        return _answer(data, recipe, predict)
    try:
        lines = lines_of_table(data, recipe.contract)
        check_added(recipe.contract, lines.names or ())
        return _answer(lines, recipe, predict)
    except FileError as error:
        return Answer(FileRefusal.of(error).text)


def _answer(lines: Lines, recipe: Recipe, predict: Predict) -> Answer:
    if lines.names is None:
        file = File.of(recipe.contract, json.loads(os.environ[COLUMNS]), header_line=1)
    else:
        file = File.of(recipe.contract, lines.names, header_line=0)
    rows, done = _rows(file, lines.records)
    places = np.array(rows, dtype=int)
    values, good = _values(file, [lines.records[place] for place in rows])
    for index in np.flatnonzero(~good).tolist():
        row = file.reader.row(lines.records[rows[index]])
        if row.findings:
            done[rows[index]] = file.output.refused(row.text, row.reason)
            continue
        good[index] = True
        for name, value in row.values.items():
            values[name][index] = value
    header = _header(file) if lines.names is not None else ""
    blank = len(done) - sum(map(bool, done.values()))
    _report(len(lines.records) - blank + bool(header), len(done) - blank + bool(header))
    if good.any():
        chosen = {name: column[good] for name, column in values.items()}
        predictions = predict(recipe.apply_columns(chosen)).tolist()
        rules, goal = recipe.contract.rules, recipe.contract.target
        for place, value in zip(places[good].tolist(), predictions, strict=True):
            label = rules.label(value, goal, recipe.contract.serving)
            done[place] = file.output.predicted(lines.records[place].text, value, label)
    return Answer(header + "".join(f"{done[place]}\n" for place in range(len(lines.records))))


def _plain_record(line: str, mark: str) -> Record:
    return Record(0, line, [part.strip() for part in line.split(mark)])


def _record(line: str, mark: str) -> Record:
    text, problem = restored(line)
    try:
        return Record(0, text, None if problem else fields_of(text, mark), problem)
    except csv.Error as error:
        return Record(0, text, None, str(error))


def _rows(file: File, records: Sequence[Record]) -> tuple[list[int], dict[int, str]]:
    """Places of the rows, and what becomes of the records that are none: of the header, and of what is no row.

    A blank row of a table is a blank line: the place of the rows below it says their number.
    """
    rows: list[int] = []
    done: dict[int, str] = {}
    names, width = list(file.layout.names), file.layout.width
    for place, record in enumerate(records):
        if record.fields == []:
            done[place] = ""
        elif record.fields is None or len(record.fields) != width:
            reason = file.reader.row(record).reason
            done[place] = file.output.no_row(record.text, reason, width)
        elif record.fields == names:
            done[place] = file.output.header(record.text, added_columns(file.contract))
        else:
            rows.append(place)
    return rows, done


def _header(file: File) -> str:
    output = file.output
    return output.header(output.row(file.layout.names), added_columns(file.contract)) + "\n"


def _values(file: File, records: Sequence[Record]) -> tuple[dict[str, NDArray[Any]], NDArray[np.bool_]]:
    """A column for each feature, and which rows are surely good: the others are left to the reader of single rows."""
    values, good = {}, np.ones(len(records), dtype=bool)
    columns: list[tuple[str, ...]] = list(zip(*(record.fields or () for record in records), strict=True))
    rules = file.contract.rules_to_predict
    for field in rules.fields:
        position = file.layout.positions.get(field.name)
        texts = columns[position] if position is not None and columns else ("",) * len(records)
        missing = frozenset(word for word in rules.missing_words if field.is_missing(word, rules.missing_words))
        if kind_of(field.type).held == "number":
            values[field.name], known = _numbers(field, texts, missing, file.layout.decimal)
        else:
            values[field.name], known = _levels(field, texts, missing)
        good &= known
    return values, good


def _numbers(field: Field, texts: Fields, missing: frozenset[str], mark: str) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    column = np.array(_decimals(texts, missing, mark), dtype=float)
    known = np.ones(len(column), dtype=bool)
    for limit in kind_of(field.type).limits(field):
        known &= limit.within.numpy(column)
    return column, known | _are(texts, missing) if field.nullable else known


def _decimals(texts: Fields, missing: frozenset[str], mark: str) -> list[float | None]:
    """None for what is missing, and for what is no number. Most columns hold nothing but numbers and empty fields."""
    together = "\n".join(texts)
    if mark == "." and _NUMBERS.fullmatch(together) and together.count("\n") == len(texts) - 1:
        numbers = [float(text) if text else None for text in texts]
        if not any(decimal(word) is not None for word in missing):
            return numbers
    return [None if text in missing else decimal(text, mark) for text in texts]


def _levels(field: Field, texts: Fields, missing: frozenset[str]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    levels = frozenset(field.levels)
    column = np.array([None if text in missing else text for text in texts], dtype=object)
    known = _are(texts, levels)
    return column, known | _are(texts, missing) if field.nullable else known


def _are(texts: Fields, known: frozenset[str]) -> NDArray[np.bool_]:
    return np.fromiter((text in known for text in texts), dtype=bool, count=len(texts))


def _report(lines: int, without: int) -> None:
    """To the job's log, from which `mlops batch` reads how far a batch is."""
    sys.stdout.write(json.dumps({"event": "batch rows", "lines": lines, "not_predicted": without}) + "\n")
    sys.stdout.flush()
