"""The header of a data file: which line it is, and where it puts the columns that are asked for."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import dataclass

HEAD_BYTES = 65_536
_SHOWN = 10

_SIGNATURES = {
    b"\x1f\x8b": "a gzip archive; upload the uncompressed CSV",
    b"PK\x03\x04": "a zip archive or a spreadsheet; save it as CSV",
    b"PAR1": "a Parquet file; export it as CSV",
    codecs.BOM_UTF16_LE: "UTF-16 text; save it as UTF-8",
    codecs.BOM_UTF16_BE: "UTF-16 text; save it as UTF-8",
}


class HeaderError(ValueError):
    """A file that does not begin as a CSV file with these columns. The text says why and what to do."""


@dataclass(frozen=True)
class Header:
    """`line` counts from 1: blank lines may come first."""

    line: int
    names: tuple[str, ...]

    def positions(self, columns: Sequence[str]) -> tuple[int, ...]:
        return tuple(self.names.index(column) for column in columns)


def read_header(head: bytes, columns: Sequence[str]) -> Header:
    """From the first HEAD_BYTES of a file, or all of a shorter one. Raises HeaderError, also when a column is missing.

    Other columns may be there.
    """
    number, line, complete = _first_line(_text(head), truncated=len(head) >= HEAD_BYTES)
    if not complete:
        raise HeaderError(f"line {number} is longer than {HEAD_BYTES} bytes; the first line must name the columns")
    try:
        names = split_fields(line)
    except ValueError as error:
        raise HeaderError(f"line {number}, the header: {error}; write the column names, comma separated") from error
    _check(names, columns, f"line {number}")
    return Header(number, tuple(names))


def split_fields(line: str) -> list[str]:
    """Trimmed fields of a CSV line. Raises ValueError for one that no CSV reader can take apart."""
    if '"' not in line:
        return [field.strip() for field in line.split(",")]
    if line.count('"') % 2:
        raise ValueError("a quote is opened and not closed on this line")
    import csv

    try:
        fields = next(csv.reader([line], skipinitialspace=True))
    except csv.Error as error:
        raise ValueError(f"not a CSV line: {error}") from error
    return [field.strip() for field in fields]


def _text(head: bytes) -> str:
    for signature, what in _SIGNATURES.items():
        if head.startswith(signature):
            raise HeaderError(f"not a CSV file but {what}")
    if b"\0" in head:
        raise HeaderError(f"a binary file (byte {head.index(0)} is zero); upload a CSV file in UTF-8")
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head, final=len(head) < HEAD_BYTES)
    except UnicodeDecodeError as error:
        line = head.count(b"\n", 0, error.start) + 1
        raise HeaderError(f"line {line} is not UTF-8 text (byte {error.start}); save the file as UTF-8") from error
    return text.removeprefix("\ufeff")


def _first_line(text: str, *, truncated: bool) -> tuple[int, str, bool]:
    """Number and text of the first line that is not blank, and whether its end was seen."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for index, line in enumerate(lines):
        if line.strip():
            return index + 1, line, not truncated or index < len(lines) - 1
    raise HeaderError("the file is empty; upload a CSV file with a header and rows")


def _check(names: Sequence[str], columns: Sequence[str], place: str) -> None:
    missing = [column for column in columns if column not in names]
    if missing == list(columns):
        # The line may be data, so it is not quoted here.
        separator = next((mark for mark in ";\t|" if mark in "".join(names)), None)
        hint = f"; separate fields by commas, not by {separator!r}" if separator else ""
        raise HeaderError(f"{place} names none of the columns; it must be a header with {', '.join(columns)}{hint}")
    if missing:
        unknown = [name for name in names if name not in columns]
        hint = f"; not known: {', '.join(unknown[:_SHOWN])}" if unknown else ""
        raise HeaderError(f"{place}, the header, lacks {', '.join(missing)}; add what is missing{hint}")
    twice = [column for column in columns if names.count(column) > 1]
    if twice:
        raise HeaderError(f"{place}, the header, names {', '.join(twice)} twice; keep one of each")
