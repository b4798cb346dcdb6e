"""Rows as CSV: the one place where a command writes a table for other programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from cli.spreadsheet import excel_safe

Cell = float | int | str | None


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Cell]], *, safe: bool = False) -> int:
    """Creates the folder, too. Returns how many rows there are below the header. `safe`: no cell is a formula."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        for line in csv_lines(header, rows, safe=safe):
            file.write(line)
            written += 1
    return written - 1


def csv_lines(header: Sequence[str], rows: Iterable[Sequence[Cell]], *, safe: bool = False) -> Iterator[str]:
    """Header and rows, each with its line end."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    for cells in chain([header], rows):
        buffer.seek(0)
        buffer.truncate()
        texts = map(cell_text, cells)
        writer.writerow(map(excel_safe, texts) if safe else texts)
        yield buffer.getvalue()


def cell_text(value: Cell) -> str:
    """A whole number without its `.0`; nothing for a missing value."""
    if value is None:
        return ""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return str(value)
