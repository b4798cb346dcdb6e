"""Statistics of train rows, rounded as soon as they are known: both engines then go on with the same numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from contract import Outliers, rounded
from etl.engine import Engine
from etl.sql import Columns, quoted, select

Item = TypeVar("Item")

# Relative to a column's values: below it, a spread is what rounding leaves of a constant.
_NOISE = 1e-9
# Of one statement: Spark compiles one to methods of at most 64 KB, and quantiles hold all values in memory.
_COLUMNS = 8


def quantiles(engine: Engine, rows: Columns, names: Sequence[str], shares: Sequence[float]) -> dict[str, list[float]]:
    """Exact, interpolated quantiles of the values that are not null; [] for a column without any."""
    found: dict[str, list[float]] = {}
    for some in chunks(names):
        answer = engine.quantiles(rows(some), some, shares)
        found |= {name: [rounded(value) for value in values] for name, values in zip(some, answer, strict=True)}
    return found


def ranges(engine: Engine, rows: Columns, names: Sequence[str]) -> dict[str, list[float]]:
    """Minimum, median and maximum; [] where every value is missing."""
    return quantiles(engine, rows, names, [0, 0.5, 1])


def medians(found: Mapping[str, list[float]], fallbacks: Mapping[str, float]) -> dict[str, float]:
    """Out of `ranges`. A column without a value gets its fallback, or 0."""
    return {name: values[1] if values else fallbacks.get(name, 0.0) for name, values in found.items()}


def fences(engine: Engine, rows: Columns, outliers: Outliers) -> dict[str, tuple[float, float]]:
    """The interquartile fence of each column: values outside it are outliers."""
    limits = {}
    for name, quartiles in quantiles(engine, rows, outliers.columns, [0.25, 0.75]).items():
        low, high = quartiles or (0.0, 0.0)
        # Quartiles are rounded: a value that most rows share must not fall outside a fence of no width.
        margin = max(outliers.factor * (high - low), _NOISE * max(abs(low), abs(high)))
        limits[name] = (rounded(low - margin), rounded(high + margin))
    return limits


def moments(engine: Engine, rows: Columns, names: Sequence[str]) -> tuple[dict[str, float], dict[str, float]]:
    """Mean and sample standard deviation; 1 for a column that does not vary. There must be rows."""
    mean, std = {}, {}
    for some in chunks(names):
        means = [f"avg({quoted(name)})" for name in some]
        deviations = [f"stddev_samp({quoted(name)})" for name in some]
        answer = engine.ask(select([*means, *deviations], rows(some)))[0]
        for name, average, deviation in zip(some, answer[: len(some)], answer[len(some) :], strict=True):
            mean[name] = rounded(average)
            std[name] = _deviation(deviation, mean[name])
    return mean, std


def chunks(items: Sequence[Item], size: int = _COLUMNS) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _deviation(value: float | None, mean: float) -> float:
    return 1.0 if value is None or value <= _NOISE * abs(mean) else rounded(value)
