"""Downloads that people open in a spreadsheet: no cell is a formula. `cli/spreadsheet.py` does the same for files."""

from __future__ import annotations

import pandas as pd

from frontend.batchfile import decimal

FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
CONTROLS = tuple("\t\r\n")


def excel_safe(cell: object) -> object:
    """An apostrophe before a text that a spreadsheet would compute; numbers, also as text, stay what they are."""
    if not isinstance(cell, str):
        return cell
    start = cell.lstrip()
    formula = start.startswith(FORMULA) and decimal(start.rstrip()) is None
    return f"'{cell}" if formula or cell.startswith(CONTROLS) else cell


def csv_of(frame: pd.DataFrame) -> str:
    """RFC 4180, safe, without the index."""
    shown = frame.rename(columns=excel_safe)
    texts = shown.select_dtypes(exclude=["number", "bool", "datetime", "datetimetz"]).columns
    return shown.assign(**{name: shown[name].map(excel_safe) for name in texts}).to_csv(index=False)
