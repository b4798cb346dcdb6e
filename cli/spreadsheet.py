"""CSV that people open in a spreadsheet: no cell is a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from contract import decimal

# What Excel, LibreOffice and web sheets take for the start of a formula, with the full-width forms; and what may stand
# before it.
FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
CONTROLS = tuple("\t\r\n")


def excel_safe(cell: str, *, mark: str = ".") -> str:
    """An apostrophe before what a spreadsheet would compute. Numbers stay numbers: -5 and +3.2e-1 are no formulas."""
    start = cell.lstrip()
    formula = start.startswith(FORMULA) and decimal(start.rstrip(), mark) is None
    return f"'{cell}" if formula or cell.startswith(CONTROLS) else cell


def excel_safe_lines(lines: Iterable[str], *, delimiter: str = ",", mark: str = ".") -> Iterator[str]:
    """Records of a CSV, out of its lines. One without a formula stays as it is, its end and breaks in quotes too."""
    taken: list[str] = []

    def remembered() -> Iterator[str]:
        for line in lines:
            taken.append(line)
            yield line

    reader = csv.reader(remembered(), delimiter=delimiter)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:  # what nobody can take apart is one cell
            cells = None
        record = "".join(taken)
        taken.clear()
        text = record.removesuffix("\n").removesuffix("\r")
        found = [text] if cells is None else cells
        safe = [excel_safe(cell, mark=mark) for cell in found]
        yield record if safe == found else _row(safe, delimiter) + record[len(text) :]


def write_excel_safe(source: Path, to: Path, *, delimiter: str = ",", mark: str = ".") -> None:
    """The file's records, safe, in UTF-8. Line ends stay as they are. `mark`: the decimal mark of its numbers."""
    with source.open(encoding="utf-8", newline="\n") as read, to.open("w", encoding="utf-8", newline="") as write:
        write.writelines(excel_safe_lines(read, delimiter=delimiter, mark=mark))


def _row(cells: Sequence[str], delimiter: str) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerow(cells)
    return out.getvalue().removesuffix("\n")
