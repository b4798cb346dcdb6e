"""CSV that people open in a spreadsheet: no cell is a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from contract import decimal, split_fields

# What Excel, LibreOffice and web sheets take for the start of a formula, with the full-width forms; and what may stand
# before it.
FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
CONTROLS = tuple("\t\r\n")


def excel_safe(cell: str) -> str:
    """An apostrophe before what a spreadsheet would compute. Numbers stay numbers: -5 and +3.2e-1 are no formulas."""
    start = cell.lstrip()
    formula = start.startswith(FORMULA) and decimal(start.rstrip()) is None
    return f"'{cell}" if formula or cell.startswith(CONTROLS) else cell


def excel_safe_lines(lines: Iterable[str]) -> Iterator[str]:
    """Lines of a CSV whose rows are one line each, without their ends. A line without a formula stays as it is."""
    for line in lines:
        cells = _cells(line)
        safe = [excel_safe(cell) for cell in cells]
        yield line if safe == cells else _row(safe)


def write_excel_safe(source: Path, to: Path) -> None:
    """The file's lines, safe, in UTF-8. Line ends stay as they are."""
    with source.open(encoding="utf-8", newline="\n") as read, to.open("w", encoding="utf-8", newline="") as write:
        for line in read:
            text = line.removesuffix("\n").removesuffix("\r")
            write.write(next(excel_safe_lines([text])) + line[len(text) :])


def _cells(line: str) -> list[str]:
    """As a spreadsheet takes them apart, blanks and all; one that nobody can take apart is one cell."""
    if '"' not in line:
        return line.split(",")
    try:
        split_fields(line)
        return next(csv.reader([line]))
    except (ValueError, csv.Error):
        return [line]


def _row(cells: Sequence[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(cells)
    return out.getvalue()
