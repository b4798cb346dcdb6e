"""The pages in a real browser: what a person does with them, on a wide screen and on a telephone."""

from __future__ import annotations

import csv
import io

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Served, Window, fits_in_both_themes
from tests.fakeapi import KEY, documents

HOUSING = documents.CONTRACTS["california_housing"]
WIDTHS = pytest.mark.parametrize("width", [1280, 390])
PAGES = ("Predict", "Batch", "Models", "Runs", "Monitoring")


def rows(count: int) -> list[str]:
    """A CSV of records spread over California."""
    lines = [",".join(feature.name for feature in HOUSING.features)]
    for number in range(count):
        share = number / count
        longitude, latitude = -122.5 + 5.5 * share, 38.5 - 5 * share + (number % 7) / 7
        lines.append(f"{longitude:.2f},{latitude:.2f},{number % 50},2100,435,1200,410,{1 + number % 9},INLAND")
    return lines


@WIDTHS
def test_a_price_with_what_drove_it(window: Window, width: int) -> None:
    visitor = window(width=width)
    visitor.open()
    visitor.choose_model("California housing")
    visitor.click_map(across=0.45, down=0.5)
    longitude, latitude = (
        float(visitor.number(f"{name} (degrees)").input_value()) for name in ("Longitude", "Latitude")
    )
    visitor.number("Median income (10,000 USD a year)").fill("6.4")
    visitor.predict()
    record = {f.name: f.default for f in HOUSING.features}
    record |= {"longitude": longitude, "latitude": latitude, "median_income": 6.4}
    value = documents.prediction(HOUSING, record, explain=False)["value"]
    expect(visitor.page.get_by_test_id("stMetricValue").first).to_have_text(f"{value:,.0f} USD")
    expect(visitor.page.get_by_text("90 % interval")).to_be_visible()
    expect(visitor.page.get_by_test_id("stVegaLiteChart")).to_have_count(2)
    assert -125 < longitude < -114 and 36.9 < latitude < 37.6
    if width == 1280:  # form and answer side by side: neither scrolls the other away
        expect(visitor.page.get_by_test_id("stMetricValue").first).to_be_in_viewport()
        expect(visitor.page.get_by_role("button", name="Predict", exact=True)).to_be_in_viewport()
    fits_in_both_themes(visitor, "predict")
    expect(visitor.page.get_by_test_id("stMetricValue").first).to_have_text(f"{value:,.0f} USD")


def test_a_click_on_the_map_keeps_what_was_typed_before(window: Window) -> None:
    visitor = window()
    visitor.open()
    visitor.choose_model("California housing")
    rooms = visitor.number("Total rooms")
    rooms.fill("999")
    before = visitor.number("Longitude (degrees)").input_value()
    visitor.click_map(across=0.5, down=0.5)
    expect(visitor.number("Longitude (degrees)")).not_to_have_value(before)
    expect(rooms).to_have_value("999")


def test_the_slider_moves_along_the_curve(window: Window) -> None:
    visitor = window()
    visitor.open()
    visitor.choose_model("California housing")
    visitor.predict()
    asked = visitor.page.get_by_test_id("stMetricValue").last.inner_text()
    handle = visitor.page.get_by_role("slider")
    handle.focus()
    for _ in range(10):
        handle.press("ArrowRight")
    visitor.wait()
    expect(visitor.page.get_by_test_id("stMetricValue").last).not_to_have_text(asked)


def test_a_binary_model_answers_with_its_level(window: Window) -> None:
    visitor = window()
    visitor.open()
    visitor.choose_model("Breast cancer")
    visitor.predict()
    for width in (1280, 390):
        visitor.resize(width)
        expect(visitor.page.get_by_test_id("stMetricValue").first).to_have_text("benign")
        assert visitor.overflow() == 0


@WIDTHS
def test_a_file_is_predicted_and_its_bad_rows_are_listed(window: Window, width: int) -> None:
    visitor = window(width=width, theme="dark")
    visitor.open("batch")
    visitor.choose_model("California housing")
    lines = rows(700)
    lines[3] = lines[3].replace("INLAND", "MOON")
    visitor.upload("rows.csv", "\n".join(lines).encode())
    visitor.page.get_by_role("button", name="Predict 700 rows").click()
    expect(visitor.page.get_by_test_id("stMetricValue").first).to_have_text("699")
    expect(visitor.page.get_by_role("img", name="Map of the results").locator("circle")).to_have_count(699)
    with visitor.page.expect_download() as started:
        visitor.page.get_by_role("button", name="Download results").click()
    found = list(csv.DictReader(io.StringIO(started.value.path().read_text())))
    assert len(found) == 699
    record = {f.name: f.default for f in HOUSING.features} | {"longitude": -122.5, "latitude": 38.5}
    record |= {"housing_median_age": 0, "median_income": 1}
    expected = documents.prediction(HOUSING, record, explain=False)["value"]
    assert float(found[0]["predicted_median_house_value"]) == pytest.approx(expected)
    with visitor.page.expect_download() as started:
        visitor.page.get_by_role("button", name="Download refused rows").click()
    (refused,) = csv.DictReader(io.StringIO(started.value.path().read_text()))
    assert refused["line"] == "4" and refused["reason"].startswith("ocean_proximity is 'MOON'; known are")
    fits_in_both_themes(visitor, "batch")


@WIDTHS
def test_the_other_pages_fit_the_screen(window: Window, width: int) -> None:
    visitor = window(width=width)
    visitor.open("models")
    visitor.choose_model("California housing")
    for name, landmark in (("Models", "Version 3"), ("Runs", "Run 0123456789abcdef"), ("Monitoring", "Alarms")):
        if name != "Models":
            visitor.turn_to(name)
        expect(visitor.page.get_by_role("heading", name=landmark)).to_be_visible()
        expect(visitor.page.get_by_role("button", name="Deploy")).to_have_count(0)
        if name == "Runs":
            for label in ("Rejected rows", "Rows of the data set"):
                visitor.page.get_by_text(label, exact=True).click()
            expect(visitor.page.get_by_role("button", name="Download rejected rows")).to_be_visible()
            expect(visitor.page.get_by_role("link", name="test-1.parquet")).to_be_visible()
        fits_in_both_themes(visitor, name.lower())


def test_rejected_rows_are_saved_as_a_file(window: Window) -> None:
    visitor = window()
    visitor.open("runs")
    visitor.choose_model("California housing")
    visitor.page.get_by_text("Rejected rows", exact=True).click()
    with visitor.page.expect_download() as saved:
        visitor.page.get_by_role("button", name="Download rejected rows").click()
    assert saved.value.suggested_filename == "0123456789abcdef-rejects.csv"
    content = saved.value.path().read_text()
    assert content.splitlines()[0] == "line,reason,row"
    assert '7,"total_rooms must be a number' in content


def test_the_key_reaches_the_api_and_never_the_browser(window: Window, served: Served) -> None:
    visitor = window()
    visitor.open()
    visitor.choose_model("California housing")
    visitor.predict()
    for name in PAGES:
        if name != "Predict":
            visitor.turn_to(name)
        assert KEY not in visitor.page.content()
    stores = visitor.page.evaluate("() => JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    assert any(request.headers.get("x-api-key") == KEY for request in served.api.requests)
    assert len(visitor.frames) > len(PAGES)
    assert [frame for frame in visitor.frames if KEY.encode() in frame] == []
    assert [url for url in visitor.addresses if KEY in url] == []
    assert KEY not in stores
    assert KEY not in served.log.read_text()
