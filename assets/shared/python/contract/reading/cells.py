"""Cells of a typed table, such as Parquet, as the texts that a CSV file has for them."""

from __future__ import annotations

import math


def text_of(value: object) -> str:
    """ "" for what is missing, true and false, numbers with every digit, dates in the ISO form."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return "" if math.isnan(value) else repr(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape").strip()
    return str(value).strip()
