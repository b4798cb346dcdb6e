"""The README's pictures of a page with a live housing model: python -m tests.browser.screenshots URL FOLDER."""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.chromium import FLAGS, find_chromium
from tests.browser.visitor import Visitor, visiting

MODEL = "California housing"
PAGES = ("models", "runs", "monitoring")


def take(browser: Browser, url: str, folder: Path) -> None:
    """predict.png, batch.png and the others; light, and Predict in dark on a telephone too."""
    with visiting(browser, url, height=1000) as visitor:
        _predict(visitor)
        visitor.picture(folder / "predict.png", whole=False)
        for name in PAGES:
            visitor.open(name)
            visitor.choose_model(MODEL)
            visitor.picture(folder / f"{name}.png", whole=False)
    with visiting(browser, url, width=390, height=844, theme="dark") as visitor:
        _predict(visitor)
        visitor.picture(folder / "predict-dark.png", whole=False)


def _predict(visitor: Visitor) -> None:
    visitor.open()
    visitor.choose_model(MODEL)
    visitor.click_map(across=0.4, down=0.45)
    visitor.number("Median income (10,000 USD a year)").fill("6.4")
    visitor.predict()
    expect(visitor.page.get_by_test_id("stVegaLiteChart").last).to_be_visible()


def main() -> int:
    url, folder = sys.argv[1].rstrip("/"), Path(sys.argv[2])
    with sync_playwright() as playwright:
        executable = find_chromium(playwright)
        if executable is None:
            sys.stderr.write("There is no Chromium. Install it, or run .venv/bin/playwright install chromium.\n")
            return 1
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS.split())
        take(browser, url, folder)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
