"""Hostile words in a real browser: nothing of them becomes a picture, a link, a script or a request."""

from __future__ import annotations

import csv
import io

import pytest

from tests.browser.conftest import Served, Window
from tests.browser.visitor import Visitor
from tests.fakeapi import documents
from tests.fakeapi.hostile import EVIL
from tests.fakeapi.server import problem

HOUSING = documents.CONTRACTS["california_housing"]
LITERAL = (
    "![i](http://evil.invalid/i.png) [l](http://evil.invalid/l) :material/bolt: :violet[v] $x^2$ <img src=x onerror"
)
# What Markdown or HTML would have made of them. A bare address may become a link: it shows where it leads.
MADE = """() => [...document.querySelectorAll('[data-testid=stApp] *')].filter((node) => {
    const address = node.getAttribute('src') ?? '';
    return ['b', 'em', 'del', 'blockquote'].includes(node.localName)
        || (node.localName === 'img' && (address.includes('evil.invalid') || address === 'x'))
        || (node.localName === 'script' && node.textContent.includes('e()'))
        || (node.localName === 'a' && node.href.includes('evil.invalid') && !node.textContent.includes('evil.invalid'))
        || node.classList.contains('katex');
}).map((node) => node.outerHTML.slice(0, 300))"""


@pytest.fixture
def hostile(served: Served) -> Served:
    served.api.words = EVIL
    served.api.refusals = {}
    return served


def test_pages_show_words_alone(window: Window, hostile: Served) -> None:
    visitor = window()
    visitor.open()
    visitor.predict()
    only_words(visitor)
    hover_charts(visitor)
    for name in ("Batch", "Models", "Runs", "Monitoring"):
        visitor.turn_to(name)
        if name == "Batch":
            visitor.upload("rows.csv", rows(visitor))
            visitor.page.get_by_role("button", name="Predict", exact=False).last.click()
            visitor.wait()
        only_words(visitor)


def test_errors_show_words_alone(window: Window, hostile: Served) -> None:
    hostile.api.refusals = {"/runs": (500, problem(500, "Broken."), {})}
    visitor = window()
    visitor.open("runs")
    only_words(visitor)
    hostile.api.refusals = {}


def rows(visitor: Visitor) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    model = documents.CONTRACTS["breast_cancer"]
    writer.writerow([*(f"{feature.name}{EVIL}" for feature in model.features), EVIL, "=cmd()"])
    writer.writerow([*(feature.default for feature in model.features), EVIL, "=cmd()"])
    return out.getvalue().encode()


def hover_charts(visitor: Visitor) -> None:
    """Tooltips are HTML, and their headings come from expressions."""
    for chart in visitor.page.get_by_test_id("stVegaLiteChart").all():
        box = chart.bounding_box()
        assert box is not None
        for share in (0.3, 0.5, 0.7):
            chart.hover(position={"x": box["width"] * share, "y": box["height"] * 0.5})
    only_words(visitor)


def only_words(visitor: Visitor) -> None:
    assert LITERAL in visitor.page.inner_text("[data-testid=stMain]").replace("\u2060", "")
    assert visitor.page.evaluate(MADE) == []
    assert [url for url in visitor.addresses if "evil" in url] == []
