"""Blocks to the texts of the fields that are read: at once where a block is plain, record by record where it is not."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from contract.reading import (
    DELIMITERS,
    LONGEST_RECORD,
    FileRules,
    Layout,
    Record,
    RecordReader,
    Row,
    RowReader,
    is_unreadable,
)
from etl.arrow import Places, places_of, strings
from etl.blocks import BLOCK_BYTES, blocks

Lines = NDArray[np.int64]
_STRETCH = LONGEST_RECORD // 2
_WORDS = pa.dictionary(pa.int32(), pa.string())


@dataclass(frozen=True)
class Column:
    """The text of a field in each row is `texts[place]`, trimmed. The same text may stand in `texts` twice."""

    places: Places
    texts: pa.StringArray

    @classmethod
    def of(cls, column: pa.DictionaryArray) -> Column:
        return cls(places_of(column.indices), pc.utf8_trim_whitespace(column.dictionary))

    @classmethod
    def absent(cls, rows: int) -> Column:
        return cls(np.zeros(rows, np.int32), strings([""]))


@dataclass(frozen=True)
class Texts:
    """Rows with as many fields as the header; `record` tells what stands in the file, None for a blank row.

    `rejects` are records that are no rows. `unreadable`: rows with bytes that are no text in an ignored column.
    """

    lines: Lines
    columns: Mapping[str, Column]
    record: Callable[[int], Record | None]
    rejects: list[Row] = field(default_factory=list)
    unreadable: list[Row] = field(default_factory=list)


class Splitter:
    """Takes a file apart. What comes of it does not depend on where blocks end, nor on which way they are split."""

    def __init__(self, rules: FileRules, layout: Layout, *, block_bytes: int = BLOCK_BYTES) -> None:
        self._layout, self._block_bytes = layout, block_bytes
        self._rows = RowReader(rules, layout)
        self._fields = [item.name for item in rules.fields]
        self._reader = RecordReader(layout.delimiter, width=layout.width)
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._comments = 0

    @property
    def comments(self) -> int:
        return self._comments + self._reader.comments

    def split(self, pieces: Iterable[bytes]) -> Iterator[Texts]:
        """Raises FileError for an archive that is broken."""
        for block in blocks(pieces, self._layout, self._block_bytes):
            yield from self._split(block)
        yield self._exact(self._decoder.decode(b"", final=True), final=True)

    def _split(self, block: bytes | str) -> Iterator[Texts]:
        if isinstance(block, str):
            yield self._exact(block)
            return
        start = 0
        while self._reader.line < self._layout.first_line and start < len(block):
            end = block.find(b"\n", start) + 1 or len(block)
            yield self._exact(self._decoder.decode(block[start:end]))
            start = end
        end = block.rfind(b"\n") + 1
        lines = block[start:end]
        if lines and self._is_plain(lines):
            yield self._at_once(lines)
            start = end
        # The last line of a file may have no end, and a line may be longer than a block.
        if start < len(block):
            yield self._exact(self._decoder.decode(block[start:]))

    def _is_plain(self, block: bytes) -> bool:
        """Whether each line feed ends a record, and each delimiter a field."""
        if self._reader.pending or self._decoder.getstate()[0] or self._layout.delimiter not in DELIMITERS:
            return False
        # Arrow takes a byte order mark at the beginning of what it reads for no part of it.
        if (
            block.startswith(codecs.BOM_UTF8)
            or b'"' in block
            or (b"\r" in block and block.count(b"\r") != block.count(b"\r\n"))
        ):
            return False
        return _lines_end(block) and _is_utf8(block)

    def _at_once(self, block: bytes) -> Texts:
        plain = _Plain(block, self._layout, self._reader.line)
        table = plain.table(self._named())
        rows = table.num_rows
        columns = {name: Column.absent(rows) for name in self._fields}
        for name, position in self._layout.positions.items():
            columns[name] = Column.of(table.column(str(position)).combine_chunks())
        self._reader.line += rows + len(plain.odd)
        rejects = [self._rows.row(record) for record in plain.odd_records()]
        self._comments += plain.comments
        return Texts(plain.lines(rows), columns, plain.record, rejects)

    def _named(self) -> list[str]:
        return [str(position) for position in sorted(set(self._layout.positions.values()))]

    def _exact(self, text: str, *, final: bool = False) -> Texts:
        plain: list[Record] = []
        rejects: list[Row] = []
        unreadable: list[Row] = []
        for record in self._reader.feed(text, final=final):
            if record.line < self._layout.first_line:
                continue
            fits = record.fields is not None and len(record.fields) == self._layout.width
            if fits and not is_unreadable(record.text, self._layout.encoding):
                plain.append(record)
                continue
            row = self._rows.row(record)
            if row.findings:
                rejects.append(row)
            else:
                unreadable.append(row)
                plain.append(record)
        return Texts(_lines(plain), self._columns(plain), plain.__getitem__, rejects, unreadable)

    def _columns(self, records: list[Record]) -> dict[str, Column]:
        columns = {name: Column.absent(len(records)) for name in self._fields}
        for name, position in self._layout.positions.items():
            texts = strings([(record.fields or ())[position] for record in records])
            columns[name] = Column.of(texts.dictionary_encode())
        return columns


class _Plain:
    """Whole, plain lines, the first one with the number `first`. `odd`: those with another number of fields."""

    def __init__(self, block: bytes, layout: Layout, first: int) -> None:
        self._block, self._layout, self._first = block, layout, first
        self.odd: list[tuple[int, str]] = []
        self.comments = 0

    def table(self, names: list[str]) -> pa.Table:
        return pacsv.read_csv(
            pa.BufferReader(self._block),
            read_options=pacsv.ReadOptions(
                use_threads=False,
                block_size=len(self._block) + 1,
                column_names=[str(position) for position in range(self._layout.width)],
            ),
            parse_options=pacsv.ParseOptions(
                delimiter=self._layout.delimiter,
                quote_char=False,
                double_quote=False,
                ignore_empty_lines=False,
                invalid_row_handler=self._keep,
            ),
            convert_options=pacsv.ConvertOptions(
                check_utf8=False,
                column_types=dict.fromkeys(names, _WORDS),
                include_columns=names,
                null_values=[],
                strings_can_be_null=False,
            ),
        )

    def lines(self, rows: int) -> Lines:
        every = np.arange(self._first, self._first + rows + len(self.odd), dtype=np.int64)
        return np.delete(every, [number - 1 for number, _ in self.odd]) if self.odd else every

    def odd_records(self) -> list[Record]:
        """Blank rows and comments are none."""
        found = (self._read(self._first + number - 1, text) for number, text in self.odd)
        return [record for record in found if record is not None]

    def record(self, row: int) -> Record | None:
        line = row if not self.odd else int(self.lines(self._rows)[row]) - self._first
        start = self._ends[line - 1] + 1 if line else 0
        return self._read(self._first + line, self._block[start : self._ends[line]].decode())

    @cached_property
    def _rows(self) -> int:
        return len(self._ends) - len(self.odd)

    @cached_property
    def _ends(self) -> NDArray[np.int64]:
        return np.flatnonzero(np.frombuffer(self._block, np.uint8) == ord("\n"))

    def _read(self, line: int, text: str) -> Record | None:
        reader = RecordReader(self._layout.delimiter, width=self._layout.width, line=line)
        found = reader.feed(text, final=True)
        self.comments += reader.comments
        return found[0] if found else None

    def _keep(self, row: pacsv.InvalidRow) -> str:
        self.odd.append((row.number, row.text))
        return "skip"


def _lines(records: list[Record]) -> Lines:
    return np.fromiter((record.line for record in records), np.int64, len(records))


def _lines_end(block: bytes) -> bool:
    """Whether no line can be too long for a record: one that is leaves a whole stretch of half that length bare."""
    return all(block.find(b"\n", start, start + _STRETCH) >= 0 for start in range(0, len(block) - _STRETCH, _STRETCH))


def _is_utf8(block: bytes) -> bool:
    if block.isascii():
        return True
    try:
        block.decode()
    except UnicodeDecodeError:
        return False
    return True
