"""Downloads that people open in a spreadsheet: no cell is a formula. `cli/spreadsheet.py` does the same for files."""

from __future__ import annotations

from functools import partial

import pandas as pd

from contract.reading import decimal as number

FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
CONTROLS = tuple("\t\r\n")


def excel_safe(cell: object, *, mark: str = ".") -> object:
    """An apostrophe before a text that a spreadsheet would compute; numbers, also as text, stay what they are."""
    if not isinstance(cell, str):
        return cell
    start = cell.lstrip()
    formula = start.startswith(FORMULA) and number(start.rstrip(), mark) is None
    return f"'{cell}" if formula or cell.startswith(CONTROLS) else cell


def csv_of(frame: pd.DataFrame, *, delimiter: str = ",", decimal: str = ".") -> str:
    """RFC 4180, safe, without the index."""
    safe = partial(excel_safe, mark=decimal)
    shown = frame.rename(columns=excel_safe)
    texts = shown.select_dtypes(exclude=["number", "bool", "datetime", "datetimetz"]).columns
    return shown.assign(**{name: shown[name].map(safe) for name in texts}).to_csv(
        index=False, sep=delimiter, decimal=decimal
    )
