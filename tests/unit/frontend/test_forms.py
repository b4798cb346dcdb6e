"""Forms from contracts, sweeps over one feature, and words for numbers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from frontend.answers import Feature, Model
from frontend.formatting import ago, amount, duration, share, signed, since, title
from frontend.forms import coordinates_of, fields_of, label_of, missing, record_of
from frontend.kinds.number import nearest
from frontend.sweeps import POINTS, instances_of, values_of
from tests.fakeapi import documents

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def feature(**members: object) -> Feature:
    document = {"name": "age", "type": "number"} | members
    return Feature.of(document)


def test_a_form_starts_with_the_contracts_example(housing_model: Model) -> None:
    fields = fields_of(housing_model.features)
    record = record_of(fields, {field.name: field.default for field in fields})
    assert record == {f.name: f.default for f in documents.CONTRACTS["california_housing"].features}


def test_help_tells_description_bounds_and_what_may_be_unknown(housing_model: Model) -> None:
    by_name = {field.name: field for field in fields_of(housing_model.features)}
    assert by_name["median_income"].help == "Median household income. From 0.1 to 20."
    assert by_name["total_bedrooms"].help.endswith("Leave it empty if it is unknown.")
    assert by_name["median_income"].label == "Median income (10,000 USD a year)"
    assert by_name["total_rooms"].label == "Total rooms"


@pytest.mark.parametrize(("default", "step"), [(3.5, 0.1), (2100, 100.0), (0.0925, 0.001), (29, 1.0), (0, 0.1)])
def test_a_step_is_small_against_the_value(default: float, step: float) -> None:
    (field,) = fields_of([feature(default=default)])
    assert field.step == pytest.approx(step)


@pytest.mark.parametrize(
    ("members", "step"),
    [
        ({"min": 100}, 10.0),
        ({"max": -3}, 0.1),
        ({"max": 5}, 0.1),
        ({"min": -5, "max": -4.99}, 1e-4),
        ({"min": 0, "max": 90_000}, 1000.0),
        ({"nullable": True}, 0.1),
    ],
)
def test_a_step_without_a_default_is_small_against_what_the_form_starts_with(
    members: dict[str, object], step: float
) -> None:
    (field,) = fields_of([feature(**members)])
    assert field.step == pytest.approx(step)


@pytest.mark.parametrize(
    ("members", "default"),
    [
        ({"min": 10, "max": 20}, 15.0),
        ({"min": 10}, 10.0),
        ({"max": -3}, -3.0),
        ({"max": 5}, 0.0),
        ({}, 0.0),
        ({"nullable": True}, None),
        ({"type": "category", "levels": ["a", "b"]}, "a"),
        ({"type": "category", "levels": ["a", "b"], "default": "b"}, "b"),
    ],
)
def test_a_feature_without_default_starts_within_its_bounds(members: dict[str, object], default: object) -> None:
    (field,) = fields_of([feature(**members)])
    assert field.default == default


def test_only_what_must_be_known_is_missing(housing_model: Model) -> None:
    fields = fields_of(housing_model.features)
    record = {field.name: field.default for field in fields} | {"total_bedrooms": None, "population": None}
    assert missing(fields, record) == ("Population (people)",)


def test_coordinates_are_both_or_none(housing_model: Model, cancer_model: Model) -> None:
    found = coordinates_of(housing_model.features)
    assert found is not None and found.bounds == (-125.0, 32.0, -114.0, 42.5)
    assert coordinates_of(cancer_model.features) is None
    assert coordinates_of([feature(name="longitude")]) is None
    everywhere = coordinates_of([feature(name="lon"), feature(name="lat")])
    assert everywhere is not None and everywhere.bounds == (-180.0, -90.0, 180.0, 90.0)


def test_a_sweep_covers_narrow_bounds_and_the_neighbourhood_of_wide_ones() -> None:
    narrow = values_of(feature(min=0, max=120), 29.0)
    wide = values_of(feature(min=1, max=100_000), 2100.0)
    assert (narrow[0], narrow[-1]) == (0.0, 120.0)
    assert (wide[0], wide[-1]) == (525.0, 8400.0)
    assert 29.0 in narrow and 2100.0 in wide


@pytest.mark.parametrize("current", [5e-324, -5e-324, 1e-12, 0.0])
def test_a_sweep_around_next_to_nothing_is_that_around_zero(current: float) -> None:
    values = values_of(feature(min=-1e6, max=1e6), current)
    assert (values[0], values[-1]) == pytest.approx((-1.0, 1.0))


def test_a_sweep_over_a_category_is_its_levels(housing_model: Model) -> None:
    ocean = housing_model.features[-1]
    values = values_of(ocean, "INLAND")
    assert values == ocean.levels
    assert instances_of({"a": 1.0, ocean.name: "INLAND"}, ocean, values)[2] == {"a": 1.0, ocean.name: "ISLAND"}


@given(
    low=some.floats(-1e6, 1e6),
    span=some.floats(1e-3, 1e6),
    place=some.floats(0, 1),
    known=some.booleans(),
)
def test_a_sweep_is_sorted_within_the_bounds_and_fits_one_request(
    low: float, span: float, place: float, known: bool
) -> None:
    high = low + span
    current = min(low + place * span, high)
    values = values_of(feature(min=low, max=high), current if known else None)
    assert list(values) == sorted(set(values))
    assert low <= values[0] and values[-1] <= high
    assert 2 <= len(values) <= POINTS + 1
    assert not known or current in values


@given(bound=some.floats(-1e9, 1e9), upper=some.booleans(), distance=some.one_of(some.none(), some.floats(0, 1e9)))
def test_a_sweep_stays_on_the_right_side_of_a_single_bound(bound: float, upper: bool, distance: float | None) -> None:
    current = None if distance is None else bound + (-distance if upper else distance)
    values = [float(value) for value in values_of(feature(**{"max" if upper else "min": bound}), current)]
    assert values[-1] <= bound if upper else values[0] >= bound
    assert 2 <= len(values) <= POINTS + 1
    assert list(values) == sorted(set(values))


def test_a_sweep_around_an_unknown_value_is_that_around_the_example() -> None:
    inside = values_of(feature(min=0, max=120, default=29), None)
    assert (inside[0], inside[-1]) == (0.0, 120.0)
    below = values_of(feature(max=-10, nullable=True), None)
    assert (below[0], below[-1]) == (-20.0, -10.0)


def test_the_nearest_value() -> None:
    assert [nearest([1.0, 2.0, 4.0], value) for value in (0.0, 1.4, 3.1, 9.0)] == [1.0, 1.0, 4.0, 4.0]


def test_numbers_and_times_in_words() -> None:
    assert amount(206854.7, "USD") == "206,855 USD"
    assert amount(0.092512) == "0.09251"
    assert signed(-1234.5, "USD") == "\u22121,234 USD"
    assert signed(3.0) == "+3"
    assert share(0.9537) == "95.4 %"
    assert title("median_house_value") == "Median house value"
    assert [duration(s) for s in (None, 3.25, 59.97, 75, 3725)] == [
        "\u2013",
        "3.2 s",
        "1 min 0 s",
        "1 min 15 s",
        "1 h 2 min",
    ]
    assert ago(NOW - timedelta(seconds=5), NOW) == "just now"
    assert ago(NOW - timedelta(hours=3), NOW) == "3 h ago"
    assert ago(NOW - timedelta(days=60), NOW) == "on 01 Jan 2026"
    assert since(NOW - timedelta(hours=3), NOW) == "09:00 UTC"
    assert since(NOW - timedelta(hours=13), NOW) == "01 Mar 2026"


def test_a_label_has_a_unit_that_the_name_lacks() -> None:
    assert label_of(feature(name="area_error", unit="px2")) == "Area error (px2)"
