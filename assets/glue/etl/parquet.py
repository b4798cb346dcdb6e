"""Parquet files as data: columns by name, each value as the text that a CSV file would have for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from contract.reading import Field, FileError, FileRules, Layout, Record, check_names
from etl.texts import Column, Texts

_ROWS = 65_536


def layout_of(file: pq.ParquetFile, rules: FileRules) -> Layout:
    """Rows count from 1. Raises FileError for columns that are missing, or cannot be read as numbers and texts."""
    schema = file.schema_arrow
    names, positions = check_names(Record(0, "", list(schema.names)), schema.names, rules)
    for item in rules.fields:
        if item.name in positions and not _is_readable(schema.field(positions[item.name]).type):
            kind = schema.field(positions[item.name]).type
            raise FileError(f"the column {item.column} holds values of the type {kind}; write numbers or texts")
    absent = tuple(item.column for item in rules.fields if item.name not in positions)
    return Layout(
        encoding="parquet",
        delimiter="",
        decimal=".",
        compression="none",
        header_line=0,
        first_line=1,
        names=names,
        positions=positions,
        absent=absent,
        warnings=tuple(f"the column {name} is not in the file: it is missing in every row" for name in absent),
    )


def opened(path: Path) -> pq.ParquetFile:
    """Raises FileError."""
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise FileError(f"a Parquet file that cannot be read ({error}); upload it again") from error


def texts_of(file: pq.ParquetFile, rules: FileRules, layout: Layout) -> Iterator[Texts]:
    used = sorted({layout.names[position] for position in layout.positions.values()})
    first = 1
    for batch in file.iter_batches(batch_size=_ROWS, columns=used, use_threads=False):
        yield _Batch(batch, rules, layout, first).texts()
        first += batch.num_rows


class _Batch:
    """Rows from number `first` on."""

    def __init__(self, batch: pa.RecordBatch, rules: FileRules, layout: Layout, first: int) -> None:
        self._batch, self._rules, self._layout, self._first = batch, rules, layout, first

    def texts(self) -> Texts:
        rows = self._batch.num_rows
        self._columns = {item.name: Column.absent(rows) for item in self._rules.fields}
        for item in self._rules.fields:
            if item.name in self._layout.positions:
                column = self._batch.column(self._layout.names[self._layout.positions[item.name]])
                self._columns[item.name] = Column.of(_words(column, item).dictionary_encode())
        lines = np.arange(self._first, self._first + rows, dtype=np.int64)
        return Texts(lines, self._columns, self._record)

    def _record(self, row: int) -> Record | None:
        """None for a row without any value that is read."""
        fields = [""] * self._layout.width
        for name, position in self._layout.positions.items():
            column = self._columns[name]
            fields[position] = column.texts[int(column.places[row])].as_py()
        shown = ",".join(fields[position] for position in sorted(set(self._layout.positions.values())))
        return Record(self._first + row, shown, fields) if any(fields) else None


def _is_readable(kind: pa.DataType) -> bool:
    """Whether each value has one text."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    bare = pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)
    if bare or pa.types.is_nested(kind):
        return False
    try:
        pa.nulls(0, kind).cast(pa.string())
    except pa.ArrowNotImplementedError:
        return False
    return True


def _words(column: pa.Array, field: Field) -> pa.StringArray:
    """A null is an empty text."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_boolean(column.type):
        true, false = _booleans(field)
        column = pc.if_else(column, pa.scalar(true), pa.scalar(false))
    if pa.types.is_float32(column.type) or pa.types.is_float16(column.type):
        column = column.cast(pa.float64())
    words = column.cast(pa.string())
    return pc.coalesce(words, pa.scalar("")) if words.null_count else words


def _booleans(field: Field) -> tuple[str, str]:
    """As the levels spell them."""
    for true, false in (("true", "false"), ("True", "False"), ("TRUE", "FALSE")):
        if {true, false} & set(field.levels):
            return true, false
    return "1", "0"
