"""Which values of a metric are out of the ordinary, seen from the week before them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

# A value this many median deviations from the median is an anomaly ...
DEVIATIONS = 5.0
# ... of which there is none before so many values: a median of few says nothing.
LEAST_POINTS = 20
# The least deviation: a share of the median, and one unit (a request, an error, a microsecond).
SHARE, UNIT = 0.05, 1.0
WEEK_SECONDS = 7 * 24 * 3600.0


@dataclass(frozen=True)
class Point:
    """`time` in seconds since 1970."""

    time: float
    value: float


@dataclass(frozen=True)
class Band:
    """What was to be expected. None of the metrics can be below 0."""

    low: float
    high: float


def anomalies(points: Sequence[Point], *, since: float) -> list[Point]:
    """Those from `since` on that lie outside the band of the week before each. `points` are in order of time."""
    return [
        point for point, band in _banded(points, since) if band is not None and not band.low <= point.value <= band.high
    ]


def expected(points: Sequence[Point], *, at: float) -> Band | None:
    """The band for a value at that time; None when the week before it holds too few."""
    return band_of(sorted(point.value for point in points if at - WEEK_SECONDS <= point.time < at))


def band_of(values: Sequence[float]) -> Band | None:
    """`values` are sorted."""
    if len(values) < LEAST_POINTS:
        return None
    middle = _median(values)
    below = bisect_left(values, middle)
    # Two runs in order, which sorting merges.
    away = sorted([middle - value for value in reversed(values[:below])] + [value - middle for value in values[below:]])
    deviation = max(_median(away), SHARE * abs(middle), UNIT)
    return Band(low=max(0.0, middle - DEVIATIONS * deviation), high=middle + DEVIATIONS * deviation)


def _banded(points: Sequence[Point], since: float) -> Iterator[tuple[Point, Band | None]]:
    week: deque[Point] = deque()
    values: list[float] = []
    for point in points:
        while week and week[0].time < point.time - WEEK_SECONDS:
            del values[bisect_right(values, week.popleft().value) - 1]
        if point.time >= since:
            yield point, band_of(values)
        week.append(point)
        insort(values, point.value)


def _median(values: Sequence[float]) -> float:
    """Of values in order."""
    half = len(values) // 2
    return values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2
