"""profile.json: how each feature and the target are distributed over all train rows, for drift detection later."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812

from contract import Contract, rounded
from etl.fit import moments, quantiles
from etl.sql import double

BINS = 10


def profile(train: DataFrame, contract: Contract) -> dict[str, object]:
    """Raw values, as requests bring them: before imputing, and with the outliers that training drops."""
    numbers = [*(feature.name for feature in contract.numeric), contract.target.name]
    categories = [feature.name for feature in contract.categories]
    rows, present = _counts(train, numbers)
    columns = _number_profiles(train, numbers, present, rows)
    columns |= {name: _category_profile(train, name, rows) for name in categories}
    features = {feature.name: columns[feature.name] for feature in contract.features}
    return {"rows": rows, "features": features, "target": columns[contract.target.name]}


def _counts(train: DataFrame, names: Sequence[str]) -> tuple[int, dict[str, int]]:
    """Rows, and the values that are not missing of each column."""
    counted = train.agg(F.count(F.lit(1)).alias("__rows"), *(F.count(name).alias(name) for name in names)).collect()
    return counted[0]["__rows"], {name: counted[0][name] for name in names}


def _number_profiles(
    train: DataFrame, names: Sequence[str], present: dict[str, int], rows: int
) -> dict[str, dict[str, object]]:
    found = quantiles(train, names, [step / BINS for step in range(BINS + 1)])
    edges = {name: _edges(values) for name, values in found.items()}
    counts = _bin_counts(train, edges, present)
    mean, std = moments(train, [name for name in names if present[name]])
    return {
        name: {
            "type": "number",
            "missing_share": rounded(1 - present[name] / rows),
            "mean": mean.get(name),
            "std": std.get(name),
            "edges": edges[name],
            "counts": counts[name],
        }
        for name in names
    }


def _edges(values: list[float]) -> list[float]:
    distinct = sorted(set(values))
    return distinct * 2 if len(distinct) == 1 else distinct


def _bin_counts(train: DataFrame, edges: dict[str, list[float]], present: dict[str, int]) -> dict[str, list[int]]:
    """Values in [edge, next edge); the last bin holds its upper edge too."""
    inner = {name: values[1:-1] for name, values in edges.items()}
    counted = [
        F.count(F.when(F.col(name) < double(edge), F.lit(1))).alias(f"__{index}_{name}")
        for name, values in inner.items()
        for index, edge in enumerate(values)
    ]
    below = train.agg(*counted).collect()[0] if counted else {}
    counts = {}
    for name, values in inner.items():
        steps = [0, *(below[f"__{index}_{name}"] for index in range(len(values))), present[name]]
        counts[name] = [high - low for low, high in pairwise(steps)] if present[name] else []
    return counts


def _category_profile(train: DataFrame, name: str, rows: int) -> dict[str, object]:
    counted = {row[name]: row["rows"] for row in train.groupBy(name).agg(F.count(F.lit(1)).alias("rows")).collect()}
    missing = counted.pop("", 0)
    levels = {level: rounded(count / rows) for level, count in sorted(counted.items())}
    return {"type": "category", "missing_share": rounded(missing / rows), "levels": levels}
