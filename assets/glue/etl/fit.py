"""Statistics of train rows, rounded as soon as they are known: both engines then go on with the same numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812

from contract import Outliers, rounded

# Relative to a column's values: below it, a spread is what rounding leaves of a constant.
_NOISE = 1e-9


def quantiles(rows: DataFrame, columns: Sequence[str], shares: Sequence[float]) -> dict[str, list[float]]:
    """Exact, interpolated quantiles of the values that are not null; [] for a column without any."""
    if not columns:
        return {}
    array = ", ".join(map(repr, shares))
    found = rows.agg(
        *(F.expr(f"percentile_cont(array({array})) within group (order by {name})").alias(name) for name in columns)
    ).collect()[0]
    return {name: [rounded(value) for value in found[name] or ()] for name in columns}


def ranges(rows: DataFrame, columns: Sequence[str]) -> dict[str, list[float]]:
    """Minimum, median and maximum; [] where every value is missing."""
    return quantiles(rows, columns, [0, 0.5, 1])


def medians(found: Mapping[str, list[float]], fallbacks: Mapping[str, float]) -> dict[str, float]:
    """Out of `ranges`. A column without a value gets its fallback, or 0."""
    return {name: values[1] if values else fallbacks.get(name, 0.0) for name, values in found.items()}


def fences(rows: DataFrame, outliers: Outliers) -> dict[str, tuple[float, float]]:
    """The interquartile fence of each column: values outside it are outliers."""
    limits = {}
    for name, quartiles in quantiles(rows, outliers.columns, [0.25, 0.75]).items():
        low, high = quartiles or (0.0, 0.0)
        # Quartiles are rounded: a value that most rows share must not fall outside a fence of no width.
        margin = max(outliers.factor * (high - low), _NOISE * max(abs(low), abs(high)))
        limits[name] = (rounded(low - margin), rounded(high + margin))
    return limits


def moments(rows: DataFrame, columns: Sequence[str]) -> tuple[dict[str, float], dict[str, float]]:
    """Mean and sample standard deviation; 1 for a column that does not vary. `rows` must not be empty."""
    if not columns:
        return {}, {}
    means = [F.avg(name).alias(f"mean_{index}") for index, name in enumerate(columns)]
    deviations = [F.stddev_samp(name).alias(f"std_{index}") for index, name in enumerate(columns)]
    found = rows.agg(*means, *deviations).collect()[0]
    mean = {name: rounded(found[f"mean_{index}"]) for index, name in enumerate(columns)}
    std = {name: _deviation(found[f"std_{index}"], mean[name]) for index, name in enumerate(columns)}
    return mean, std


def _deviation(value: float | None, mean: float) -> float:
    return 1.0 if value is None or value <= _NOISE * abs(mean) else rounded(value)
