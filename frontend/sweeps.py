"""What if one feature had other values? The values to ask for, and the curve of the answers."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from frontend.answers import Feature, Prediction
from frontend.forms import Value

POINTS = 49
TINY = 1e-9
# Bounds so much wider than the value itself say little about it: the curve then covers its neighbourhood.
WIDE = 20.0
NEIGHBOURHOOD = 4.0


@dataclass(frozen=True)
class Point:
    value: float | str
    prediction: float


def values_of(feature: Feature, current: Value, *, points: int = POINTS) -> tuple[float | str, ...]:
    """The levels of a category, or about `points` numbers in order, the current one among them."""
    if feature.type == "category":
        return feature.levels
    known = float(current) if isinstance(current, int | float) else None
    low, high = _range(feature, known)
    step = (high - low) / (points - 1)
    digits = max(0, 2 - math.floor(math.log10(step)))
    # Rounding may not lead out of the bounds.
    grid = {min(max(round(low + step * index, digits), low), high) for index in range(points)}
    return tuple(sorted(grid | ({known} if known is not None else set())))


def instances_of(
    record: Mapping[str, Value], feature: Feature, values: Sequence[float | str]
) -> list[dict[str, Value]]:
    return [{**record, feature.name: value} for value in values]


def curve_of(values: Sequence[float | str], predictions: Sequence[Prediction]) -> tuple[Point, ...]:
    return tuple(Point(value, item.value) for value, item in zip(values, predictions, strict=True))


def nearest(values: Sequence[float], value: float) -> float:
    """The one of the sorted values that lies closest."""
    place = bisect_left(values, value)
    around = values[max(0, place - 1) : place + 1]
    return min(around, key=lambda item: abs(item - value))


def _range(feature: Feature, known: float | None) -> tuple[float, float]:
    low = -math.inf if feature.minimum is None else feature.minimum
    high = math.inf if feature.maximum is None else feature.maximum
    centre = known if known is not None else min(max(_usual(feature), low), high)
    # Around next to nothing there is no neighbourhood of the same order.
    size = abs(centre) if abs(centre) >= TINY else 1.0
    if high - low <= WIDE * size:
        return low, high
    near = (centre / NEIGHBOURHOOD, centre * NEIGHBOURHOOD) if centre >= TINY else (centre - size, centre + size)
    return max(near[0], low), min(near[1], high)


def _usual(feature: Feature) -> float:
    return float(feature.default) if isinstance(feature.default, int | float) else 0.0
