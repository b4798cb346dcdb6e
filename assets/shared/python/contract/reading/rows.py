"""Records to values by the contract's fields, with everything that is wrong in a row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from contract.kinds import kind_of
from contract.reading.encodings import is_unreadable, texts
from contract.reading.header import FileError
from contract.reading.layout import HEAD_BYTES, Layout, layout_of
from contract.reading.records import Record, RecordReader
from contract.reading.rules import FileRules
from contract.values import Field, Finding, Value, missing, quoted


@dataclass(frozen=True)
class Row:
    """`values` by field: a number, a level or text, None for a missing one.

    `findings`: by what the field is called, "" for the row.
    `unreadable`: an ignored column whose bytes are no text; the row counts all the same.
    """

    line: int
    text: str
    fields: Sequence[str]
    values: Mapping[str, Value]
    findings: Mapping[str, Finding]
    unreadable: str | None = None

    @property
    def reason(self) -> str:
        """All that is wrong, in one sentence; "" for a good row."""
        return "; ".join(f"{name} {found.reason}" if name else found.reason for name, found in self.findings.items())

    @property
    def kind(self) -> str | None:
        """What a bad row is counted by: the first finding."""
        return next((found.kind for found in self.findings.values()), None)


class RowReader:
    """Rows out of records of one file."""

    def __init__(self, rules: FileRules, layout: Layout) -> None:
        self._rules, self._layout = rules, layout
        self._used = set(layout.positions.values())
        self._names = list(layout.names)

    def row(self, record: Record) -> Row:
        finding = self._unusable(record)
        if finding is not None:
            return Row(record.line, record.text, record.fields or (), {}, {"": finding})
        fields = record.fields or []
        values: dict[str, Value] = {}
        findings: dict[str, Finding] = {}
        for field in self._rules.fields:
            position = self._layout.positions.get(field.name)
            text = "" if position is None else fields[position]
            values[field.name], found = self.value(field, text)
            if found is not None:
                findings[field.called] = found
        return Row(record.line, record.text, fields, values, findings, self._unreadable(record, fields))

    def value(self, field: Field, text: str) -> tuple[Value, Finding | None]:
        """What a trimmed text of a field means, and why it cannot be used."""
        if is_unreadable(text, self._layout.encoding):
            return None, Finding("encoding", f"is {quoted(text)}, which is not {self._layout.encoding.upper()} text")
        if field.is_missing(text, self._rules.missing_words):
            return None, missing(field)
        return kind_of(field.type).read(field, text, self._layout.decimal)

    def _unusable(self, record: Record) -> Finding | None:
        """Why a record is no row of this file."""
        if record.fields is None:
            return Finding("malformed line", record.problem)
        if len(record.fields) != self._layout.width:
            return Finding("field count", f"{len(record.fields)} fields, the header has {self._layout.width}")
        if record.fields == self._names:
            return Finding("header again", "the header stands here again")
        return None

    def _unreadable(self, record: Record, fields: Sequence[str]) -> str | None:
        if not is_unreadable(record.text, self._layout.encoding):
            return None
        places = (index for index, text in enumerate(fields) if is_unreadable(text, self._layout.encoding))
        return next((self._names[index] for index in places if index not in self._used), None)


def records(pieces: Iterable[bytes], layout: Layout) -> Iterator[Record]:
    """Every record below the header. Raises FileError for an archive that is broken."""
    reader = RecordReader(layout.delimiter, width=layout.width)
    for text in texts(pieces, encoding=layout.encoding, compression=layout.compression):
        yield from (record for record in reader.feed(text) if record.line >= layout.first_line)
    yield from (record for record in reader.feed("", final=True) if record.line >= layout.first_line)


@dataclass(frozen=True)
class Table:
    """A whole file."""

    layout: Layout
    rows: tuple[Row, ...]


def read_table(content: bytes, rules: FileRules) -> Table:
    """A file that fits into memory. Raises FileError, also for one without rows."""
    layout = layout_of(content[:HEAD_BYTES], rules, complete=len(content) <= HEAD_BYTES)
    reader = RowReader(rules, layout)
    rows = tuple(reader.row(record) for record in records([content], layout))
    if not rows:
        raise FileError("there is a header and no row below it; give a file with data")
    return Table(layout, rows)
