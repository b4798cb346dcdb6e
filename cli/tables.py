"""Rows as CSV: the one place where a command writes a table for other programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

Cell = float | int | str | None


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> int:
    """Creates the folder, too. Returns how many rows there are below the header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        for line in csv_lines(header, rows):
            file.write(line)
            written += 1
    return written - 1


def csv_lines(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
    """Header and rows, each with its line end."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    for cells in chain([header], rows):
        buffer.seek(0)
        buffer.truncate()
        writer.writerow([cell_text(cell) for cell in cells])
        yield buffer.getvalue()


def cell_text(value: Cell) -> str:
    """A whole number without its `.0`; nothing for a missing value."""
    if value is None:
        return ""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return str(value)
