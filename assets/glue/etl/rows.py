"""One physical line to the fields of the contract: plain Python, the same on both engines."""

from __future__ import annotations

import re
from dataclasses import dataclass

from contract import split_fields
from contract.identity import RowIdentity

# Java and Python replace a run of bad bytes by different numbers of these.
_REPLACEMENTS = re.compile("\ufffd+")

LINE, ROW, KIND, REASON = "__line", "__row", "__kind", "__reason"
ROW_ID = "row_id"

Record = tuple[int, str, str | None, str | None, str, *tuple[str, ...]]


@dataclass(frozen=True)
class Layout:
    """Where the columns of the contract stand in a file, the target last. `header_line` counts from 1."""

    header_line: int
    width: int
    positions: tuple[int, ...]
    ignored: tuple[str, ...]
    identity: RowIdentity

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of a record's values."""
        return (LINE, ROW, KIND, REASON, ROW_ID, *(raw(index) for index in range(len(self.positions))))


def raw(index: int) -> str:
    """The column with the text of the contract's column `index`. Names in a contract never start with an underscore."""
    return f"__raw_{index}"


def is_data(number: int, line: str, layout: Layout) -> bool:
    """Blank lines and what stands before the end of the header hold no row."""
    return number > layout.header_line and not line.isspace() and line != ""


def record(number: int, line: str, layout: Layout) -> Record:
    """Line number, the line, why it is no row (kind and reason, or None), row id, the trimmed text of each column."""
    if "\ufffd" in line:
        line = _REPLACEMENTS.sub("\ufffd", line)
        return _unreadable(number, line, layout, "encoding", "the line is not UTF-8 text")
    try:
        fields = split_fields(line)
    except ValueError as error:
        return _unreadable(number, line, layout, "malformed line", str(error))
    if len(fields) != layout.width:
        reason = f"{len(fields)} fields, the header has {layout.width}"
        return _unreadable(number, line, layout, "field count", reason)
    texts = [fields[position] for position in layout.positions]
    return (number, line, None, None, layout.identity.row_id(texts[:-1]), *texts)


def _unreadable(number: int, line: str, layout: Layout, kind: str, reason: str) -> Record:
    return (number, line, kind, reason, "", *("" for _ in layout.positions))
