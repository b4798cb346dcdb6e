"""Error and empty states in a real browser. Answers are kept for seconds: what fails comes before what does not."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Served, Window, fits_in_both_themes
from tests.browser.visitor import Visitor
from tests.fakeapi.server import problem

WIDTHS = (1280, 390)


def shows(visitor: Visitor, headline: str, text: str) -> None:
    """On a wide screen and on a telephone."""
    for width in WIDTHS:
        visitor.resize(width)
        expect(visitor.page.get_by_role("heading", name=headline)).to_be_visible()
        expect(visitor.page.get_by_text(text)).to_be_visible()
        assert visitor.overflow() == 0


def test_the_api_is_down(window: Window, served: Served) -> None:
    served.api.down = True
    visitor = window()
    visitor.open()
    shows(visitor, "The API does not answer", "did not answer: the connection broke.")
    expect(visitor.page.get_by_role("button", name="Try again")).to_be_enabled()
    for width in WIDTHS:
        visitor.resize(width)
        fits_in_both_themes(visitor, "down")


def test_the_key_is_wrong(window: Window, served: Served) -> None:
    served.api.down = False
    served.api.refusals = {"/models": (403, problem(403, "Send a valid API key in the header x-api-key."), {})}
    visitor = window()
    visitor.open("models")
    shows(visitor, "The API key is not accepted", "Set API_KEY of this page")


def test_there_are_too_many_requests(window: Window, served: Served) -> None:
    served.api.refusals = {"/models": (429, problem(429, "Too many requests at once."), {"Retry-After": "4"})}
    visitor = window()
    visitor.open("batch")
    shows(visitor, "Too many requests", "Try again in 4 s.")


def test_no_model_is_live_until_one_is(window: Window, served: Served) -> None:
    served.api.refusals, served.api.live = {}, False
    visitor = window()
    visitor.open()
    shows(visitor, "No version is live", "mlops upload FILE.csv")


def test_a_page_comes_back_with_its_api(window: Window, served: Served) -> None:
    served.api.live = True
    served.api.refusals = {"/monitoring": (502, problem(502, "Bad gateway."), {})}
    visitor = window()
    visitor.open("monitoring")
    visitor.page.get_by_role("heading", name="The API failed").wait_for()
    served.api.refusals = {}
    visitor.page.get_by_role("button", name="Try again").click()
    visitor.page.get_by_role("heading", name="Alarms").wait_for()
    expect(visitor.page.get_by_role("heading", name="The API failed")).to_have_count(0)
