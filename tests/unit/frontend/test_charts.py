"""What charts show: the numbers of a waterfall, a sweep, a series; land that a map needs."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from frontend.answers import Contribution, Explanation, Model, Target
from frontend.charts import MOST_BARS, sweep_chart, waterfall, waterfall_frame
from frontend.colours import DARK, LIGHT, of_theme, on_ramp
from frontend.explaining import Effect, effects_of
from frontend.geography import land
from frontend.maps import Mark, around
from frontend.outputs import Amount
from frontend.records import Series
from frontend.results import readable
from frontend.seriescharts import scaled, series_chart, series_frame
from frontend.sweeps import Point

START = datetime(2026, 3, 2, tzinfo=UTC)
CALIFORNIA = (-125.0, 32.0, -114.0, 42.5)


def explanation(*amounts: float, output: str = "value") -> Explanation:
    items = tuple(Contribution(f"f{place}", float(place), amount) for place, amount in enumerate(amounts))
    return Explanation(base=100.0, contributions=items, output=output)


def frame_of(given: Explanation) -> pd.DataFrame:
    return waterfall_frame(given, effects_of(given, [], {}))


def series(name: str, values: list[float], **members: object) -> Series:
    points = [[(START + timedelta(minutes=5 * place)).isoformat(), value] for place, value in enumerate(values)]
    return Series.of({"name": name, "points": points, "period_seconds": 300, "statistic": "Sum"} | members)


def test_a_waterfall_runs_from_the_base_to_the_prediction() -> None:
    frame = frame_of(explanation(5.0, -20.0, 1.0))
    assert frame["label"].tolist() == ["Average", "F1", "F0", "F2", "Prediction"]
    assert frame["start"].tolist() == [100.0, 100.0, 80.0, 85.0, 100.0]
    assert frame["end"].tolist() == [100.0, 80.0, 85.0, 86.0, 86.0]
    assert frame["kind"].tolist() == ["total", "down", "up", "up", "total"]
    assert frame["text"].tolist() == ["100", "\u221220", "+5", "+1", "86"]


def test_small_contributions_are_one_bar() -> None:
    amounts = [float(size) for size in range(20, 0, -1)]
    frame = frame_of(explanation(*amounts))
    rest = len(amounts) - (MOST_BARS - 1)
    assert frame["label"].tolist()[-2] == f"{rest} others"
    assert frame["end"].iloc[-1] == pytest.approx(100 + sum(amounts))
    assert len(frame) == MOST_BARS + 2


def test_one_left_over_keeps_its_name() -> None:
    frame = frame_of(explanation(*([1.0] * MOST_BARS)))
    assert frame["label"].tolist()[-2] == f"F{MOST_BARS - 1}"


def test_a_bar_names_the_value_or_the_formula_that_drove_it(housing_model: Model) -> None:
    items = (Contribution("median_income", 3.5, 2.0), Contribution("rooms_per_person", None, 1.0))
    effects = effects_of(Explanation(0.0, items, "value"), housing_model.features, {"rooms_per_person": "a / b"})
    assert effects == [Effect("Median income = 3.5", 2.0), Effect("Rooms per person", 1.0, "a / b")]


def test_what_follows_from_the_coordinates_alone_is_the_location(housing_model: Model) -> None:
    derived = {"north": "latitude - 0.5 * longitude", "far": "sqrt(power(north, 2))", "dense": "population / latitude"}
    names = ("longitude", "north", "far", "dense", "population")
    items = tuple(Contribution(name, None, float(2**place)) for place, name in enumerate(names))
    effects = effects_of(Explanation(0.0, items, "value"), housing_model.features, derived)
    assert [(effect.label, effect.change) for effect in effects] == [
        ("Population", 16.0),
        ("Dense", 8.0),
        ("Location", 7.0),
    ]


def test_log_odds_are_called_so(cancer_model: Model) -> None:
    chart = waterfall(explanation(1.0, output="log-odds"), cancer_model, LIGHT).to_dict()
    assert chart["layer"][0]["encoding"]["x"]["title"] == "Log-odds"


def test_a_sweep_marks_where_it_stands(housing_model: Model) -> None:
    curve = [Point(1.0, 10.0), Point(2.0, 30.0), Point(3.0, 20.0)]
    chart = sweep_chart(
        curve, housing_model.features[0], Amount(Target("price", "USD", ()), None), 2.0, LIGHT
    ).to_dict()
    marked = chart["datasets"][chart["layer"][-1]["data"]["name"]]
    assert marked == [{"value": 2.0, "prediction": 30.0}]


def test_a_map_shows_the_marks_and_a_little_around_them() -> None:
    marks = [Mark(-122.0, 34.0, ""), Mark(-118.0, 42.0, "")]
    assert around(marks, CALIFORNIA) == pytest.approx((-122.4, 33.2, -117.6, 42.5))
    west, south, east, north = around(marks[:1], CALIFORNIA)
    assert (east - west, north - south) == pytest.approx((0.2, 0.2))


def test_a_ramp_runs_from_its_first_colour_to_its_last() -> None:
    ramp = ("#000000", "#808080", "#ffffff")
    assert [on_ramp(ramp, share) for share in (-1.0, 0.0, 0.25, 0.5, 1.0)] == [
        "#000000",
        "#000000",
        "#404040",
        "#808080",
        "#ffffff",
    ]


def test_large_numbers_are_shown_whole_and_small_ones_are_not() -> None:
    frame = pd.DataFrame({"price": [228_267.734, 1.0, 5_000.0], "share": [0.123456, 0.2, 0.3], "text": ["a", "b", "c"]})
    shown = readable(frame, ("price", "share", "text", "absent"))
    assert shown["price"].tolist() == [228_268.0, 1.0, 5_000.0]
    assert shown["share"].tolist() == [0.1235, 0.2, 0.3]
    assert frame["price"][0] == 228_267.734


def test_latency_is_read_in_milliseconds() -> None:
    shown = scaled(series("ModelLatency", [9_000.0], unit="Microseconds", expected={"low": 6_000, "high": 14_000}))
    assert (shown.unit, shown.points[0][1], shown.expected) == ("ms", 9.0, (6.0, 14.0))


def test_unusual_points_are_drawn_on_top() -> None:
    odd = (START + timedelta(minutes=5)).isoformat()
    found = series("Invocations", [1.0, 50.0, 2.0], unit="None", anomalies=[odd])
    assert series_frame(found)["anomaly"].tolist() == [False, True, False]
    layer = series_chart(found, DARK, start=START, end=START + timedelta(hours=1)).to_dict()["layer"][-1]
    assert layer["mark"]["color"] == DARK.bad


def test_the_time_axis_spans_the_time_that_was_asked_for() -> None:
    chart = series_chart(series("Invocations", [1.0]), LIGHT, start=START, end=START + timedelta(days=1)).to_dict()
    first, last = chart["layer"][0]["encoding"]["x"]["scale"]["domain"]
    assert (first["date"], first["hours"], last["date"], last["utc"]) == (2, 0, 3, True)


def test_a_bar_stands_on_zero_and_is_as_long_as_its_period() -> None:
    found = series("Invocations", [4.0])
    drawn = series_chart(found, LIGHT, start=START, end=START + timedelta(hours=1)).to_dict()["layer"][0]
    assert drawn["encoding"]["y2"] == {"datum": 0}
    assert drawn["encoding"]["x2"] == {"field": "until"}
    (row,) = series_frame(found).to_dict("records")
    assert row["until"] - row["time"] == timedelta(seconds=255)


def test_an_axis_of_zeros_has_a_length() -> None:
    chart = series_chart(
        series("Invocation5XXErrors", [0.0, 0.0]), LIGHT, start=START, end=START + timedelta(hours=1)
    ).to_dict()
    assert chart["layer"][0]["encoding"]["y"]["scale"]["domain"] == [0, 1.05]


def test_there_is_land_in_california_and_none_that_we_draw_in_europe() -> None:
    rings = land(CALIFORNIA)
    assert any(-121.0 < x < -120.0 and 34.0 < y < 35.0 for ring in rings for x, y in ring)
    assert all(ring[0] == ring[-1] for ring in rings)
    assert land((5.0, 40.0, 15.0, 50.0)) == ()


def test_the_theme_chooses_the_colours() -> None:
    assert (of_theme("dark"), of_theme("light"), of_theme(None)) == (DARK, LIGHT, LIGHT)


def test_a_target_without_a_unit_is_named_alone(housing_model: Model) -> None:
    curve = [Point(1.0, 10.0), Point(2.0, 20.0)]
    chart = sweep_chart(curve, housing_model.features[0], Amount(Target("mpg", "", ()), None), 2.0, LIGHT).to_dict()
    assert "Mpg" in json.dumps(chart)
    assert "()" not in json.dumps(chart)
