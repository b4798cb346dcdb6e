"""Anomalies: outside of what the week before a point lets expect, and none while that week says too little."""

from __future__ import annotations

import statistics
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.lambdas.test_platform_api import platform_function

HOUR = 3600.0


@pytest.fixture(scope="module")
def module() -> SimpleNamespace:
    return platform_function().anomalies


def points(module: SimpleNamespace, values: list[float], *, every: float = HOUR) -> list[object]:
    return [module.Point(number * every, value) for number, value in enumerate(values)]


def test_a_jump_is_an_anomaly_and_so_is_a_hole(module: SimpleNamespace) -> None:
    steady = [100.0, 102.0, 98.0, 101.0, 99.0] * 8
    given = points(module, [*steady, 100.0, 180.0, 20.0, 100.0])
    odd = module.anomalies(given, since=40 * HOUR)
    assert [point.value for point in odd] == [180.0, 20.0]


def test_the_band_is_five_median_deviations_wide(module: SimpleNamespace) -> None:
    values = [float(value) for value in range(1000, 1040)]
    middle = statistics.median(values)
    deviation = statistics.median(abs(value - middle) for value in values)
    # 5 % of the median is more than the deviation here.
    assert module.band_of(values).high == pytest.approx(middle + 5 * max(deviation, 0.05 * middle))


def test_one_error_in_a_quiet_week_is_none_and_six_are_one(module: SimpleNamespace) -> None:
    for errors, found in ((1.0, 0), (5.0, 0), (6.0, 1)):
        assert len(module.anomalies(points(module, [0.0] * 30 + [errors]), since=0)) == found


def test_there_is_none_before_20_points(module: SimpleNamespace) -> None:
    assert module.anomalies(points(module, [1.0] * 19 + [1e9]), since=0) == []
    assert len(module.anomalies(points(module, [1.0] * 20 + [1e9]), since=0)) == 1


def test_what_is_older_than_a_week_is_forgotten(module: SimpleNamespace) -> None:
    """A level of 1,000 is ordinary from the week on in which there was nothing else."""
    values = [10.0] * 168 + [1000.0] * 200
    odd = {point.time for point in module.anomalies(points(module, values), since=0)}
    assert 168 * HOUR in odd
    assert 367 * HOUR not in odd


def test_points_before_the_window_are_judged_by_nobody(module: SimpleNamespace) -> None:
    given = points(module, [10.0] * 30 + [500.0] + [10.0] * 5)
    assert module.anomalies(given, since=31 * HOUR) == []


def test_what_is_expected_now(module: SimpleNamespace) -> None:
    given = points(module, [10.0] * 30)
    assert module.expected(given, at=30 * HOUR) == module.Band(low=5.0, high=15.0)
    assert module.expected(given[:19], at=30 * HOUR) is None
    assert module.expected(given, at=9 * 24 * HOUR) is None


@settings(deadline=None, database=None, max_examples=60)
@given(values=st.lists(st.floats(0, 1e6), min_size=21, max_size=60))
def test_the_sliding_band_is_that_of_the_points_before(values: list[float]) -> None:
    module = platform_function().anomalies
    given = points(module, values, every=6 * HOUR)
    for at, (point, band) in enumerate(module._banded(given, 0)):
        week = [earlier.value for earlier in given[:at] if earlier.time >= point.time - module.WEEK_SECONDS]
        assert band == module.band_of(sorted(week))
