"""Cells of a typed table, such as Parquet, as the texts that a CSV file has for them."""

from __future__ import annotations

import math
import re

from contract.kinds import kind_of
from contract.reading.header import FileError
from contract.values import Field

# Types of values that have one text, by Arrow's names for them.
_READABLE = re.compile(
    r"null|bool|u?int\d+|halffloat|float|double|(large_)?string(_view)?|decimal\d+\(.*\)|(date|time)\d+\[.*\]|timestamp\[.*\]"
)
_CODED = re.compile(r"dictionary<values=(.*), indices=\w+, ordered=\d>")


def check_type(field: Field, kind: str) -> None:
    """`kind`: Arrow's name for the type of a column that is read. Raises FileError for one without texts."""
    coded = _CODED.fullmatch(kind)
    if not _READABLE.fullmatch(coded[1] if coded else kind):
        raise FileError(f"the column {field.column} holds values of the type {kind}; write numbers or texts")


def text_of(value: object, field: Field | None = None) -> str:
    """ "" for what is missing, numbers with every digit, true and false as the field's levels spell them.

    `field`: None for a column that is not read.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        true, false = ("true", "false") if field is None else kind_of(field.type).flags(field)
        return true if value else false
    if isinstance(value, float):
        return "" if math.isnan(value) else repr(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape").strip()
    return str(value).strip()
