"""Imputing, deriving, dropping and encoding: what contract.Recipe does at inference, as DataFrame expressions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import Column as SqlColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812

from contract import Column, Contract, Derived, Recipe
from etl.rows import ROW_ID
from etl.splits import SPLIT
from etl.sql import double

KEPT = "__kept"


def imputed(rows: DataFrame, values: Mapping[str, float]) -> DataFrame:
    if not values:
        return rows
    filled = {name: F.coalesce(F.col(name), double(value)).alias(name) for name, value in values.items()}
    return rows.select(*(filled.get(name, F.col(name)) for name in rows.columns))


def waves(derived: Sequence[Derived]) -> list[list[Derived]]:
    """Derived features in groups that use no other of their group: what is missing is imputed before it is used."""
    groups: list[list[Derived]] = []
    level: dict[str, int] = {}
    for item in derived:
        level[item.name] = max((level[name] + 1 for name in item.expression.names if name in level), default=0)
        if level[item.name] == len(groups):
            groups.append([])
        groups[level[item.name]].append(item)
    return groups


def with_derived(rows: DataFrame, wave: Sequence[Derived]) -> DataFrame:
    return rows.select(*rows.columns, *(F.expr(item.expression.sql()).alias(item.name) for item in wave))


def with_kept(rows: DataFrame, fences: Mapping[str, tuple[float, float]]) -> DataFrame:
    """False for train rows outside a fence. Validation and test rows are always kept: a model meets outliers too."""
    kept = F.lit(True)
    for name, (low, high) in fences.items():
        kept = kept & F.col(name).between(double(low), double(high))
    return rows.select(*rows.columns, ((F.col(SPLIT) != F.lit("train")) | kept).alias(KEPT))


def kept(rows: DataFrame) -> DataFrame:
    return rows.where(F.col(KEPT))


def encoded(rows: DataFrame, recipe: Recipe) -> DataFrame:
    """row_id, the target, then the model inputs; and still the split, and whether the row is kept."""
    inputs = [_encoded(column, recipe).alias(column.name) for column in recipe.columns]
    return rows.select(ROW_ID, recipe.contract.target.name, *inputs, SPLIT, KEPT)


def raw_features(rows: DataFrame, contract: Contract) -> DataFrame:
    """row_id, then the features as requests bring them: null where the file has nothing."""
    categories = {item.name: F.when(F.col(item.name) != F.lit(""), F.col(item.name)) for item in contract.categories}
    features = (categories.get(item.name, F.col(item.name)).alias(item.name) for item in contract.features)
    return rows.select(ROW_ID, *features)


def numbers(contract: Contract) -> list[str]:
    """Numeric and derived features: what is scaled."""
    return [feature.name for feature in contract.numeric] + [item.name for item in contract.derived]


def _encoded(column: Column, recipe: Recipe) -> SqlColumn:
    source = F.col(column.source)
    if column.kind == "level":
        return F.when(source == F.lit(column.level), double(1.0)).otherwise(double(0.0))
    return (source - double(recipe.mean[column.source])) / double(recipe.std[column.source])
