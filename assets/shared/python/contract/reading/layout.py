"""How a file is written, found from its beginning and from what the contract declares."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from contract.kinds import kind_of
from contract.reading.encodings import decoded_head
from contract.reading.header import FileError, check_names, usable
from contract.reading.records import Record, RecordReader
from contract.reading.rules import DELIMITERS, FileRules
from contract.values import decimal, quoted

HEAD_BYTES = 65_536
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*\Z', re.IGNORECASE | re.DOTALL)
_LINE_END = re.compile(r"\r\n|\n|\r")
_LOOKED_AT = 200
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+", re.ASCII)


@dataclass(frozen=True)
class Layout:
    """`names`: every column of the file. `positions`: where each field stands; a field that is absent has none.

    `first_line` is that of the first row; `declared`: which of delimiter, decimal and encoding the contract says.
    """

    encoding: str
    delimiter: str
    decimal: str
    compression: str
    header_line: int
    first_line: int
    names: tuple[str, ...]
    positions: Mapping[str, int]
    absent: tuple[str, ...] = ()
    declared: tuple[str, ...] = ()
    warnings: tuple[str, ...] = field(default=())

    @property
    def width(self) -> int:
        return len(self.names)

    @property
    def ignored(self) -> tuple[str, ...]:
        used = set(self.positions.values())
        return tuple(name for index, name in enumerate(self.names) if index not in used)

    @classmethod
    def of_names(
        cls,
        names: Sequence[str],
        rules: FileRules,
        *,
        header_line: int = 1,
        encoding: str = "utf-8",
        delimiter: str = ",",
        decimal: str = ".",
        compression: str = "none",
    ) -> Layout:
        """Of a table whose columns are known. Raises FileError for names that do not do.

        `header_line`: 0 where the table names its columns by itself, such as Parquet; its rows count from 1.
        """
        found, positions = check_names(Record(header_line, "", list(names)), names, rules)
        absent = _absent(positions, rules)
        return cls(
            encoding=encoding,
            delimiter=delimiter,
            decimal=decimal,
            compression=compression,
            header_line=header_line,
            first_line=header_line + 1,
            names=found,
            positions=positions,
            absent=absent,
            warnings=_warnings(absent),
        )

    def to_dict(self) -> dict[str, object]:
        """For the manifest: how the file was read."""
        return {
            "encoding": self.encoding,
            "delimiter": self.delimiter,
            "decimal": self.decimal,
            "compression": self.compression,
            "header_line": self.header_line,
            "declared": list(self.declared),
        }


def layout_of(head: bytes, rules: FileRules, *, complete: bool | None = None) -> Layout:
    """From the first HEAD_BYTES of a file, or all of a shorter one. Raises FileError, which says what to do.

    `complete`: whether `head` is the whole file; by default, whether it is shorter than HEAD_BYTES.
    """
    whole = len(head) < HEAD_BYTES if complete is None else complete
    text = decoded_head(head, rules.data.encoding, complete=whole)
    start, line, marked = _before_header(text.text)
    choices = _delimiters(rules, marked)
    read = [_Beginning.read(text.text[start:], mark, line, rules, complete=text.complete) for mark in choices]
    chosen = _choose(read, rules)
    names, positions = check_names(chosen.header, chosen.names, rules)
    absent = _absent(positions, rules)
    return Layout(
        encoding=text.encoding,
        delimiter=chosen.delimiter,
        decimal=rules.data.decimal or _decimal_of(chosen.rows, positions, rules),
        compression=text.compression,
        header_line=chosen.header.line,
        first_line=chosen.first_line,
        names=names,
        positions=positions,
        absent=absent,
        declared=tuple(name for name in ("delimiter", "decimal", "encoding") if getattr(rules.data, name)),
        warnings=_warnings(absent),
    )


def _absent(positions: Mapping[str, int], rules: FileRules) -> tuple[str, ...]:
    return tuple(item.column for item in rules.fields if item.name not in positions)


def _warnings(absent: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"the column {name} is not in the file: it is missing in every row" for name in absent)


@dataclass(frozen=True)
class _Beginning:
    """The header and the first rows, when fields end at `delimiter`."""

    delimiter: str
    header: Record
    names: tuple[str, ...]
    rows: Sequence[Record]
    first_line: int
    found: int

    @classmethod
    def read(cls, text: str, delimiter: str, line: int, rules: FileRules, *, complete: bool) -> _Beginning:
        reader = RecordReader(delimiter, width=None, line=line)
        records = reader.feed(text, final=complete)
        if not records and not complete:
            if not _LINE_END.search(text):
                raise FileError(f"line {line} is longer than {HEAD_BYTES} bytes; the first line must name the columns")
            records = RecordReader(delimiter, width=None, line=line).feed(text, final=True)
        header, first = _header_of(records, text, delimiter, line, rules)
        names = tuple(header.fields or ())
        rows = RecordReader(delimiter, width=len(names), line=line)
        rest = [record for record in rows.feed(text, final=complete) if record.line >= first]
        return cls(delimiter, header, names, rest[:_LOOKED_AT], first, usable(names, rules))


def _header_of(records: Sequence[Record], text: str, delimiter: str, line: int, rules: FileRules) -> tuple[Record, int]:
    """The first record that is not a comment, and the line after it. A quote that a header leaves open is its end."""
    for record in records:
        names = record.fields or []
        if record.text.lstrip().startswith("#") and not usable(names, rules):
            continue
        return record, record.line + len(_LINE_END.findall(record.text)) + 1
    raise FileError("the file is empty; upload a CSV file with a header and rows")


def _before_header(text: str) -> tuple[int, int, str | None]:
    """Where the header may begin, on which line, and the delimiter that Excel's line `sep=;` names."""
    first = re.match(r"(?:[^\S\r\n]*(?:\r\n|\n|\r))*", text)
    start = first.end() if first else 0
    line = 1 + len(_LINE_END.findall(text[:start]))
    end = _LINE_END.search(text, start)
    marked = _SEPARATOR_LINE.match(text[start : end.start()]) if end else None
    if not end or not marked:
        return start, line, None
    return end.end(), line + 1, marked[1]


def _delimiters(rules: FileRules, marked: str | None) -> tuple[str, ...]:
    if rules.data.delimiter:
        return (rules.data.delimiter,)
    return (marked,) if marked else DELIMITERS


def _choose(read: Sequence[_Beginning], rules: FileRules) -> _Beginning:
    """The reading that finds every column; the one that finds most of them where none does."""
    needed = len(rules.required)
    full = [item for item in read if sum(field.column in item.names for field in rules.required) == needed]
    if len({item.names for item in full}) > 1:
        best = [item for item in full if item.found == max(other.found for other in full)]
        full = best if len(best) == 1 else full
    if len({item.names for item in full}) > 1:
        marks = " or ".join(quoted(item.delimiter) for item in full)
        raise FileError(
            f"line {full[0].header.line}, the header, can be read with the delimiter {marks}; "
            'say which one is meant: [data] delimiter = "..." in model.toml'
        )
    return full[0] if full else max(read, key=lambda item: (item.found, len(item.names)))


def _decimal_of(rows: Sequence[Record], positions: Mapping[str, int], rules: FileRules) -> str:
    """The decimal mark of the first rows. Raises FileError where both are used, or where it could be thousands."""
    numbers = [item for item in rules.fields if kind_of(item.type).held == "number" and item.name in positions]
    comma: list[tuple[Record, str, str]] = []
    point = ""
    for record in rows:
        for item in numbers:
            text = (record.fields or ())[positions[item.name]] if _fits(record, positions) else ""
            if item.is_missing(text, rules.missing_words):
                continue
            if "," in text and decimal(text, ",") is not None:
                comma.append((record, item.column, text))
            elif "." in text and decimal(text) is not None:
                point = point or f"{item.column} is {quoted(text)} on line {record.line}"
    if not comma:
        return "."
    record, column, text = comma[0]
    example = f"{column} is {quoted(text)} on line {record.line}"
    if point:
        raise FileError(
            f"numbers are written with a comma ({example}) and with a point ({point}); "
            'write them alike, or say what is meant: [data] decimal = "," or "." in model.toml'
        )
    if all(_GROUPED.fullmatch(text) for _, _, text in comma):
        raise FileError(
            f"{example}: the comma may end the whole number or mark thousands; "
            'write numbers without marks for thousands, or say [data] decimal = "," in model.toml'
        )
    return ","


def _fits(record: Record, positions: Mapping[str, int]) -> bool:
    return record.fields is not None and len(record.fields) > max(positions.values(), default=0)
