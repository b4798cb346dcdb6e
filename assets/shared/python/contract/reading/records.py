"""RFC 4180 records out of text that comes in pieces, with the line of the file that each begins on."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

# A quote that is open for longer was never meant to be closed: the line that opens it is a bad row by itself.
LONGEST_RECORD = 1 << 20
_LINES = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+")

csv.field_size_limit(LONGEST_RECORD)


class Record(NamedTuple):
    """`text` is what stands in the file, `fields` its trimmed fields: None, with a `problem`, where there are none."""

    line: int
    text: str
    fields: list[str] | None
    problem: str = ""


class _Ahead:
    """Lines for csv.reader, which asks for more while a quote is open. `ended`: it asked for more than there were."""

    def __init__(self, lines: Sequence[str], start: int) -> None:
        self._lines, self._next, self._size = lines, start, 0
        self.ended = self.too_long = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self._size > LONGEST_RECORD:
            self.too_long = True
            raise StopIteration
        if self._next == len(self._lines):
            self.ended = True
            raise StopIteration
        line = self._lines[self._next]
        self._next += 1
        self._size += len(line)
        return line


class RecordReader:
    """Takes text apart, piece by piece. `width` is the number of fields in the header, None while it is not known.

    A record over several lines counts only when its quotes close and it has that many fields. Otherwise its first line
    is a bad row, and the next line is read anew: a stray quote costs one row and not those after it.
    """

    def __init__(self, delimiter: str, *, width: int | None, line: int = 1) -> None:
        self._delimiter, self._width = delimiter, width
        self.line = line
        self.pending = ""
        self.comments = 0

    def feed(self, text: str, *, final: bool = False) -> list[Record]:
        """The records that are complete; what is not is kept for the next piece. `final`: there is no next one."""
        text = self.pending + text
        lines = _lines_of(text)
        # A piece may end within a line, or between CR and LF.
        if lines and not final and not lines[-1].endswith("\n"):
            lines.pop()
        found: list[Record] = []
        position, index = 0, 0
        while index < len(lines):
            step = self._record(lines, index, final=final)
            if step is None:
                break
            record, used = step
            position += sum(map(len, lines[index : index + used]))
            index += used
            self.line += used
            if record is not None and self._is_comment(record):
                self.comments += 1
            elif record is not None:
                found.append(record)
        self.pending = text[position:]
        return found

    def _is_comment(self, record: Record) -> bool:
        """A line behind a # is a row where it has the fields of one."""
        return (
            self._width is not None
            and record.text.lstrip().startswith("#")
            and (record.fields is None or len(record.fields) != self._width)
        )

    def _record(self, lines: Sequence[str], index: int, *, final: bool) -> tuple[Record | None, int] | None:
        """A record and how many lines it takes; None where more text is needed to tell."""
        line = lines[index]
        if '"' not in line:
            plain = line.rstrip("\r\n")
            return _as_record(self.line, plain, [part.strip() for part in plain.split(self._delimiter)]), 1
        ahead = _Ahead(lines, index)
        reader = csv.reader(ahead, delimiter=self._delimiter, skipinitialspace=True)
        try:
            fields = next(reader)
        except csv.Error as error:
            return Record(self.line, line.rstrip("\r\n"), None, f"not a CSV line: {error}"), 1
        if ahead.ended and not final:
            return None
        used = reader.line_num
        if ahead.ended or ahead.too_long:
            return Record(self.line, line.rstrip("\r\n"), None, "a quote is opened and never closed"), 1
        if used > 1 and self._width is not None and len(fields) != self._width:
            reason = (
                f"a quote is opened and closed on line {self.line + used - 1}: "
                f"{len(fields)} fields up to there, the header has {self._width}"
            )
            return Record(self.line, line.rstrip("\r\n"), None, reason), 1
        text = "".join(lines[index : index + used]).rstrip("\r\n")
        return _as_record(self.line, text, [field.strip() for field in fields]), used


def _as_record(line: int, text: str, fields: list[str]) -> Record | None:
    """None for a blank row: nothing but blanks and separators."""
    return Record(line, text, fields) if any(fields) else None


def _lines_of(text: str) -> list[str]:
    """With their ends: LF, CRLF or CR. Other characters that Unicode calls line breaks end no line of a CSV file."""
    return _LINES.findall(text)
