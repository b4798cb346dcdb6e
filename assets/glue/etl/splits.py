"""Distinct rows, and the side each falls on: a hash of its features, so that a row never changes sides."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812

from contract import Contract
from etl.rows import ROW_ID

SPLIT = "__split"
NAMES = ("train", "validation", "test")
_HEX_DIGITS = 8


def distinct_rows(rows: DataFrame, contract: Contract) -> DataFrame:
    """One of each group of rows with the same value in every column of the contract."""
    return rows.select(ROW_ID, *contract.columns).distinct()


def with_split(rows: DataFrame, contract: Contract) -> DataFrame:
    """Compares hexadecimal prefixes as text: engines differ in their functions for hashes and conversions."""
    key = F.substring(F.col(ROW_ID), 1, _HEX_DIGITS)
    test = contract.split.test
    side = F.when(key < F.lit(_bound(test)), F.lit("test"))
    side = side.when(key < F.lit(_bound(test + contract.split.validation)), F.lit("validation"))
    return rows.select(*rows.columns, side.otherwise(F.lit("train")).alias(SPLIT))


def part(rows: DataFrame, split: str) -> DataFrame:
    return rows.where(F.col(SPLIT) == F.lit(split))


def sizes(rows: DataFrame) -> dict[str, int]:
    counted = {row[SPLIT]: row["rows"] for row in rows.groupBy(SPLIT).agg(F.count(F.lit(1)).alias("rows")).collect()}
    return {name: counted.get(name, 0) for name in NAMES}


def _bound(share: float) -> str:
    return format(min(round(share * 16**_HEX_DIGITS), 16**_HEX_DIGITS - 1), f"0{_HEX_DIGITS}x")
