"""What the tables of several kinds have in common."""

from __future__ import annotations

from contract.reader import Table
from contract.values import Field, Finding, unknown_level


def column_of(table: Table, name: str) -> str | None:
    """The name in a file's header; None where it is the feature's own."""
    column = table.text("column", default="") or None
    return None if column == name else column


def bounds_of(table: Table) -> tuple[float | None, float | None]:
    low, high = table.optional_number("min"), table.optional_number("max")
    if low is not None and high is not None and low >= high:
        table.add("max", f"must be greater than min ({low}), is {high}")
        return None, None
    return low, high


def inside(value: float, low: float | None, high: float | None) -> bool:
    return (low is None or value >= low) and (high is None or value <= high)


def levels_of(table: Table) -> tuple[str, ...]:
    levels = table.texts("levels")
    if not levels and not table.problems.at(table.path("levels")):
        table.add("levels", 'must list the allowed values; write levels = ["...", "..."]')
    return levels


def level_of(field: Field, text: str) -> tuple[str | None, Finding | None]:
    """The level that a text means, and why it is none."""
    level = field.level_of(text)
    return level, unknown_level(field, text) if level is None else None
