"""Cells of a typed table, such as Parquet, as the texts that a CSV file has for them."""

from __future__ import annotations

import math

from contract.reading.values import Field

_BOOLEANS = (("true", "false"), ("True", "False"), ("TRUE", "FALSE"))


def text_of(value: object, field: Field | None = None) -> str:
    """ "" for what is missing, numbers with every digit, true and false as the field's levels spell them.

    `field`: None for a column that is not read.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        true, false = _booleans(field)
        return true if value else false
    if isinstance(value, float):
        return "" if math.isnan(value) else repr(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape").strip()
    return str(value).strip()


def _booleans(field: Field | None) -> tuple[str, str]:
    if field is None:
        return _BOOLEANS[0]
    return next((pair for pair in _BOOLEANS if {*pair} & {*field.levels}), ("1", "0"))
