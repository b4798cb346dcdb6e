"""profile.json: how each feature and the target are distributed over all train rows, for drift detection later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from contract import Contract, Feature, rounded
from etl.engine import Engine
from etl.fit import chunks, moments, quantiles
from etl.sql import Columns, listed, quoted, select

BINS = 10


def profile(engine: Engine, train: str, contract: Contract) -> dict[str, object]:
    """Raw values, as requests bring them: before imputing, and with the outliers that training drops."""
    numbers = [*(feature.name for feature in contract.numeric), contract.target.name]

    def some(names: Sequence[str]) -> str:
        return select(listed(names), train)

    rows, present = _counts(engine, some, numbers)
    found = _number_profiles(engine, some, numbers, present, rows)
    found |= {item.name: _level_profile(engine, train, item, rows) for item in contract.categorical}
    features = {feature.name: found[feature.name] for feature in contract.features}
    return {"rows": rows, "features": features, "target": found[contract.target.name]}


def _counts(engine: Engine, train: Columns, names: Sequence[str]) -> tuple[int, dict[str, int]]:
    """Rows, and the values that are not missing of each column."""
    rows = 0
    present: dict[str, int] = {}
    for some in chunks(names):
        rows, *found = engine.ask(select(["count(*)", *(f"count({quoted(name)})" for name in some)], train(some)))[0]
        present |= dict(zip(some, found, strict=True))
    return rows, present


def _number_profiles(
    engine: Engine, train: Columns, names: Sequence[str], present: Mapping[str, int], rows: int
) -> dict[str, dict[str, object]]:
    found = quantiles(engine, train, names, [step / BINS for step in range(BINS + 1)])
    edges = {name: _edges(values) for name, values in found.items()}
    counts: dict[str, list[int]] = {}
    for some in chunks(names, 2):
        counts |= _bin_counts(engine, train(some), {name: edges[name] for name in some}, present)
    mean, std = moments(engine, train, [name for name in names if present[name]])
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


def _bin_counts(
    engine: Engine, train: str, edges: Mapping[str, list[float]], present: Mapping[str, int]
) -> dict[str, list[int]]:
    """Values in [edge, next edge); the last bin holds its upper edge too."""
    below = engine.below(train, {name: values[1:-1] for name, values in edges.items()})
    steps = {name: [0, *counts, present[name]] for name, counts in zip(edges, below, strict=True)}
    return {
        name: [high - low for low, high in pairwise(counts)] if present[name] else [] for name, counts in steps.items()
    }


def _level_profile(engine: Engine, train: str, feature: Feature, rows: int) -> dict[str, object]:
    name = quoted(feature.name)
    statement = select(f"{name}, count(*)", train) + f" group by {name}"
    counted: dict[str | None, int] = {level: count for level, count in engine.ask(statement)}  # noqa: C416 - Spark's Row
    missing = counted.pop(None, 0)
    levels = {level: rounded(count / rows) for level, count in sorted(counted.items())}
    return {"type": feature.type, "missing_share": rounded(missing / rows), "levels": levels}
