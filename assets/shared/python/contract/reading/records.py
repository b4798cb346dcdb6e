"""RFC 4180 records out of text that comes in pieces, with the line of the file that each begins on."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

# In characters. A quote that is open for longer was never meant to be closed, and a line that is longer is no row.
LONGEST_RECORD = 1 << 20
# What is kept of a line that is too long.
_CUT = 1000
_OPEN = "a quote is opened and never closed"
_LINES = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+")

csv.field_size_limit(LONGEST_RECORD)


class Record(NamedTuple):
    """`text` is what stands in the file, `fields` its trimmed fields: None, with a `problem`, where there are none."""

    line: int
    text: str
    fields: list[str] | None
    problem: str = ""


class _End:
    """Stands behind the last line: csv.reader gets here only while a quote is open."""

    reached = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        self.reached = True
        raise StopIteration


class RecordReader:
    """Takes text apart, piece by piece. `width` is the number of fields in the header, None while it is not known.

    A record over several lines counts only when its quotes close at the ends of fields and it has that many of them.
    Otherwise its first line is a bad row, and the next line is read anew: a stray quote costs one row and not those
    after it.
    """

    def __init__(self, delimiter: str, *, width: int | None, line: int = 1) -> None:
        self._delimiter, self._width = delimiter, width
        self._whole = _whole(delimiter)
        self.line = line
        self.pending = ""
        self.comments = 0

    def feed(self, text: str, *, final: bool = False) -> list[Record]:
        """The records that are complete; what is not is kept for the next piece. `final`: there is no next one."""
        lines = _lines_of(self.pending + text)
        # A piece may end within a line, or between CR and LF.
        rest = _bounded(lines.pop()) if lines and not final and not lines[-1].endswith("\n") else ""
        found: list[Record] = []
        index, before = 0, -1
        while before < index < len(lines):
            before = index
            for record, used in self._steps(lines, index, final=final):
                index += used
                self.line += used
                if record is not None and self._is_comment(record):
                    self.comments += 1
                elif record is not None:
                    found.append(record)
        self.pending = "".join(lines[index:]) + rest
        return found

    def skip(self, lines: int, pending: str) -> None:
        """Go on behind plain lines that somebody else took from the text that is pending."""
        self.line += lines
        self.pending = pending

    def _is_comment(self, record: Record) -> bool:
        """A line behind a # is a row where it has the fields of one."""
        return (
            self._width is not None
            and record.text.lstrip().startswith("#")
            and (record.fields is None or len(record.fields) != self._width)
        )

    def _steps(self, lines: Sequence[str], index: int, *, final: bool) -> Iterator[tuple[Record | None, int]]:
        """Records and how many lines each takes, up to one that is bad, or that more text is needed for."""
        end = _End()
        rest = map(lines.__getitem__, range(index, len(lines)))
        reader = csv.reader(chain(rest, end), delimiter=self._delimiter, skipinitialspace=True)
        while index < len(lines):
            plain = lines[index].rstrip("\r\n")
            if len(plain) > LONGEST_RECORD:
                reason = f"the line is longer than {LONGEST_RECORD:,} characters"
                yield Record(self.line, f"{plain[:_CUT]}...", None, reason), 1
                return
            read = reader.line_num
            try:
                fields = next(reader)
            except csv.Error as error:
                # A field that goes on for too long is one whose quote is never closed.
                several = reader.line_num - read > 1
                yield Record(self.line, plain, None, _OPEN if several else f"not a CSV line: {error}"), 1
                return
            used = reader.line_num - read
            text = plain if used == 1 else "".join(lines[index : index + used]).rstrip("\r\n")
            if end.reached and not final and len(text) <= LONGEST_RECORD:
                return
            problem = self._problem(text, fields, used, ended=end.reached) if end.reached or used > 1 else ""
            if problem:
                yield Record(self.line, plain, None, problem), 1
                return
            yield _as_record(self.line, text, [field.strip() for field in fields]), used
            index += used

    def _problem(self, text: str, fields: Sequence[str], used: int, *, ended: bool) -> str:
        """Why a record over several lines, or one that is open at the end, is none."""
        if ended or len(text) > LONGEST_RECORD:
            return _OPEN
        closed = f"a quote is opened, and closed on line {self.line + used - 1}"
        if not self._whole.fullmatch(text):
            return f"{closed} within a field"
        if self._width is None or len(fields) == self._width:
            return ""
        return f"{closed}: {len(fields)} fields up to there, the header has {self._width}"


def _whole(delimiter: str) -> re.Pattern[str]:
    """A record whose quoted fields are quoted from end to end."""
    mark = re.escape(delimiter)
    field = rf'(?: *+"[^"]*+(?:""[^"]*+)*+"[^\S\r\n]*+|(?! *")[^{mark}\r\n]*+)'
    return re.compile(rf"{field}(?:{mark}{field})*+")


def fields_of(text: str, delimiter: str) -> list[str]:
    """The trimmed fields of one whole record. Raises csv.Error."""
    if '"' not in text:
        return [part.strip() for part in text.split(delimiter)]
    end = _End()
    reader = csv.reader(chain(_lines_of(text), end), delimiter=delimiter, skipinitialspace=True)
    fields = [field.strip() for field in next(reader)]
    if end.reached:
        raise csv.Error(_OPEN)
    return fields


def _bounded(line: str) -> str:
    """A line whose end is not there yet, as far as it tells that the line is too long."""
    if len(line) <= LONGEST_RECORD + 1:
        return line
    return line[: LONGEST_RECORD + 1] + ("\r" if line.endswith("\r") else "")


def _as_record(line: int, text: str, fields: list[str]) -> Record | None:
    """None for a blank row: nothing but blanks and separators."""
    return Record(line, text, fields) if any(fields) else None


def _lines_of(text: str) -> list[str]:
    """With their ends: LF, CRLF or CR. Other characters that Unicode calls line breaks end no line of a CSV file."""
    return _LINES.findall(text)
