"""Parquet files as data: columns by name, each value as the text that a CSV file would have for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from contract.reading import Field, FileError, FileRules, Layout, Record, check_type, text_of
from etl.arrow import Bools, strings
from etl.texts import Column, Texts

_ROWS = 65_536


def layout_of(file: pq.ParquetFile, rules: FileRules) -> Layout:
    """Rows count from 1. Raises FileError for columns that are missing, or cannot be read as numbers and texts."""
    schema = file.schema_arrow
    names = [name.strip() for name in schema.names]
    layout = Layout.of_names(names, rules, header_line=0, encoding="parquet", delimiter="")
    for item in rules.fields:
        if item.name in layout.positions:
            check_type(item, str(schema.field(layout.positions[item.name]).type))
    return layout


def opened(path: Path) -> pq.ParquetFile:
    """Raises FileError."""
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise FileError(f"a Parquet file that cannot be read ({error}); upload it again") from error


def texts_of(file: pq.ParquetFile, rules: FileRules, layout: Layout) -> Iterator[Texts]:
    names = file.schema_arrow.names
    used = [names[position] for position in sorted(set(layout.positions.values()))]
    first = 1
    for batch in file.iter_batches(batch_size=_ROWS, columns=used, use_threads=False):
        yield _Batch(file, batch, rules, layout, first).texts()
        first += batch.num_rows


@dataclass(frozen=True)
class _Batch:
    """Rows from number `first` on, with the columns that are read."""

    file: pq.ParquetFile
    batch: pa.RecordBatch
    rules: FileRules
    layout: Layout
    first: int

    def texts(self) -> Texts:
        rows = self.batch.num_rows
        lines = np.arange(self.first, self.first + rows, dtype=np.int64)
        return Texts(lines, self._columns, self._record)

    @cached_property
    def _columns(self) -> dict[str, Column]:
        names, rows = self.file.schema_arrow.names, self.batch.num_rows
        columns = {item.name: Column.absent(rows) for item in self.rules.fields}
        for item in self.rules.fields:
            if item.name in self.layout.positions:
                column = self.batch.column(names[self.layout.positions[item.name]])
                columns[item.name] = Column.of(_words(column, item))
        return columns

    def _record(self, row: int) -> Record | None:
        """None for a row without any value, in the columns that are not read too."""
        fields = [""] * self.layout.width
        for name, position in self.layout.positions.items():
            column = self._columns[name]
            fields[position] = column.texts[int(column.places[row])].as_py()
        shown = ",".join(fields[position] for position in sorted(set(self.layout.positions.values())))
        blank = not any(fields) and not self._has_more[row]
        return None if blank else Record(self.first + row, shown, fields)

    @cached_property
    def _has_more(self) -> Bools:
        """Whether a column that is not read holds anything, of each row without a value in those that are."""
        found = np.zeros(self.batch.num_rows, np.bool_)
        empty = np.ones(self.batch.num_rows, np.bool_)
        for name in self.layout.positions:
            column = self._columns[name]
            empty &= np.array([not text for text in column.texts.to_pylist()], np.bool_)[column.places]
        start = 0
        for batch in self._others():
            rows = np.flatnonzero(empty[start : start + batch.num_rows])
            for column in batch.take(pa.array(rows.tolist(), pa.int64())).columns:
                found[start + rows] |= np.array([text_of(value) != "" for value in column.to_pylist()], np.bool_)
            start += batch.num_rows
        return found

    def _others(self) -> Iterator[pa.RecordBatch]:
        """The same rows in the columns that are not read: few files need them."""
        used = set(self.layout.positions.values())
        others = [name for position, name in enumerate(self.file.schema_arrow.names) if position not in used]
        metadata, rows = self.file.metadata, self.batch.num_rows
        ends = list(accumulate(metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)))
        begin = self.first - 1
        groups = [group for group, end in enumerate(ends) if end > begin]
        if not others or not groups:
            return
        left = begin - (ends[groups[0] - 1] if groups[0] else 0)
        for batch in self.file.iter_batches(batch_size=_ROWS, row_groups=groups, columns=others, use_threads=False):
            part = batch.slice(left, rows)
            left = max(0, left - batch.num_rows)
            yield part
            rows -= part.num_rows
            if not rows:
                return


def _words(column: pa.Array, field: Field) -> pa.DictionaryArray:
    """What is missing is an empty text. Numbers and texts at once, other values one by one, each different one once."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_floating(column.type):
        column = column.cast(pa.float64())
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, pa.float64()), column)
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type) or _is_text(column.type):
        words = column.cast(pa.string())
        return (pc.coalesce(words, pa.scalar("")) if words.null_count else words).dictionary_encode()
    coded = column.dictionary_encode(null_encoding="encode")
    texts = strings([text_of(value, field) for value in coded.dictionary.to_pylist()])
    return pa.DictionaryArray.from_arrays(coded.indices, texts)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
