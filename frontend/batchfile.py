"""A file of records: what it holds for a model, row by row, and an empty one to start from."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

import pandas as pd

from contract.reading import (
    PARQUET,
    Field,
    FileError,
    Layout,
    Record,
    RowReader,
    as_json,
    check_type,
    read_table,
    text_of,
)
from contract.reading import Row as Read
from frontend.answers import Model
from frontend.forms import fields_of
from frontend.kinds import Value

# What a browser offers to choose from.
KINDS = ("csv", "tsv", "txt", "gz", "parquet")

__all__ = ["KINDS", "BatchFile", "FileError", "Problem", "Row", "read", "template"]


@dataclass(frozen=True)
class Problem:
    """Why a row has no prediction."""

    field: str
    reason: str


@dataclass(frozen=True)
class Row:
    """A row as the file has it, the instance it makes, and what is wrong with it.

    `line` is that of the file, where the first is line 1; of a Parquet file, the number of the row.
    """

    line: int
    cells: Mapping[str, str]
    instance: Mapping[str, Value]
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class BatchFile:
    """`ignored` are columns that the model does not know. `delimiter` and `decimal` are how the file is written.

    `warnings`: sentences, about what costs no row.
    """

    columns: tuple[str, ...]
    ignored: tuple[str, ...]
    rows: tuple[Row, ...]
    delimiter: str = ","
    decimal: str = "."
    warnings: tuple[str, ...] = ()


def read(content: bytes, model: Model) -> BatchFile:
    """Raises FileError for what is wrong with the file; what is wrong with a row stands in the row."""
    if content.startswith(PARQUET):
        layout, rows = _parquet(content, model)
    else:
        table = read_table(content, model.rules)
        layout, rows = table.layout, table.rows
    columns = _distinct(layout.names)
    used = set(layout.positions.values())
    return BatchFile(
        columns=columns,
        ignored=tuple(name for index, name in enumerate(columns) if index not in used),
        rows=tuple(_row(columns, row, model.fields) for row in rows),
        delimiter=layout.delimiter,
        decimal=layout.decimal,
        warnings=(*layout.warnings, *_unreadable(layout, rows)),
    )


def template(model: Model) -> str:
    """A CSV with the model's columns and one example row, as its contract says that files are written."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=model.data.delimiter or ",", lineterminator="\n")
    writer.writerow(feature.column for feature in model.features)
    starts = [field.default for field in fields_of(model.features)]
    mark = model.data.decimal or "."
    writer.writerow(_cell(start, field, mark) for start, field in zip(starts, model.fields, strict=True))
    return text.getvalue()


def _cell(value: Value, field: Field, mark: str) -> str:
    text = text_of(value, field)
    return text.removesuffix(".0").replace(".", mark) if isinstance(value, float) else text


def _row(columns: Sequence[str], row: Read, fields: Sequence[Field]) -> Row:
    cells = dict(zip(columns, row.fields, strict=False)) if row.fields else {columns[0]: row.text}
    readable = {name: _readable(text) for name, text in cells.items()}
    problems = tuple(Problem(field, finding.reason) for field, finding in row.findings.items())
    instance = {field.name: as_json(field, row.values[field.name]) for field in fields if field.name in row.values}
    return Row(row.line, readable, instance, problems)


def _unreadable(layout: Layout, rows: Sequence[Read]) -> Iterator[str]:
    places = [(row.line, row.unreadable) for row in rows if row.unreadable is not None]
    if places:
        line, column = places[0]
        yield f"bytes that are no {layout.encoding.upper()} text in a column that is not used: line {line}, {column}"


def _parquet(content: bytes, model: Model) -> tuple[Layout, tuple[Read, ...]]:
    """Each value as the text that a CSV file would have for it. Raises FileError."""
    try:
        frame = pd.read_parquet(io.BytesIO(content), dtype_backend="pyarrow")
    except (ValueError, OSError) as error:
        raise FileError(f"a Parquet file that cannot be read ({error}); upload it again") from error
    names = [str(name).strip() for name in frame.columns]
    layout = Layout.of_names(names, model.rules, header_line=0)
    reader = RowReader(model.rules, layout)
    fields = {layout.positions[field.name]: field for field in model.rules.fields if field.name in layout.positions}
    for index, field in fields.items():
        check_type(field, str(frame.dtypes.iloc[index].pyarrow_dtype))
    columns = [list(_texts(frame.iloc[:, index], fields.get(index))) for index in range(len(names))]
    records = (Record(number, ",".join(row), list(row)) for number, row in enumerate(zip(*columns, strict=True), 1))
    rows = tuple(reader.row(record) for record in records if any(record.fields or ()))
    if not rows:
        raise FileError("there is no row in it; give a file with data")
    return layout, rows


def _texts(column: pd.Series, field: Field | None) -> Iterator[str]:
    for value, absent in zip(column, column.isna(), strict=True):
        yield "" if absent else text_of(value, field)


def _distinct(names: Sequence[str]) -> tuple[str, ...]:
    """Names for a table: a column without one gets one, and one that stands twice a number."""
    found: list[str] = []
    for place, name in enumerate(names, start=1):
        wanted = _readable(name) or f"column {place}"
        numbered = (wanted if number == 1 else f"{wanted} ({number})" for number in count(1))
        found.append(next(candidate for candidate in numbered if candidate not in found))
    return tuple(found)


def _readable(text: str) -> str:
    """Bytes that were no text as their codes: a surrogate can be neither shown nor downloaded."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
