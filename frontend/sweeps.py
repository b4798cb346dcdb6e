"""What if one feature had other values? The values to ask for, and the curve of the answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from frontend.answers import Feature, Prediction
from frontend.kinds import Value

POINTS = 49


@dataclass(frozen=True)
class Point:
    value: Value
    prediction: float


def values_of(feature: Feature, current: Value, *, points: int = POINTS) -> tuple[Value, ...]:
    """The levels of a category, or about `points` numbers in order, the current one among them."""
    return feature.control.values(feature, current, points)


def instances_of(record: Mapping[str, Value], feature: Feature, values: Sequence[Value]) -> list[dict[str, Value]]:
    return [{**record, feature.name: value} for value in values]


def curve_of(values: Sequence[Value], predictions: Sequence[Prediction]) -> tuple[Point, ...]:
    return tuple(Point(value, item.value) for value, item in zip(values, predictions, strict=True))
