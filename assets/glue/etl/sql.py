"""Column expressions that mean the same on Spark and on DuckDB."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F  # noqa: N812

from etl.checks import LARGEST


def double(value: float) -> Column:
    """A literal. Both engines read a plain 0.1 as a decimal, and a cast of its text as the nearest double."""
    return F.lit(repr(float(value))).cast("double")


def number(name: str) -> Column:
    """The double in a text column; null for NaN, inf, 0x1F, 1_000 and what else the casts of one engine accept."""
    decimal = F.col(name).rlike(r"^[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]+)?\z")
    return F.when(decimal, F.expr(f"try_cast({name} as double)"))


def is_too_large(value: Column) -> Column:
    """True for the infinity, too, that an overflowing text such as 1e999 becomes."""
    return F.abs(value) > double(LARGEST)
