"""The README's pictures: deploys to a local cloud, trains, serves the page and photographs it into docs/images."""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

from PIL import Image
from playwright.sync_api import BrowserContext, expect, sync_playwright

from cli import api, local
from cli import page as pages
from cli.data import find_data
from cli.follow import follow, raise_for_failure
from cli.terminal import Console
from cli.upload import upload
from tests.browser.chromium import FLAGS, find_chromium
from tests.browser.visitor import Visitor, visiting
from tests.records import example

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "images"
MODEL, TITLE = "california_housing", "California housing"
BATCH_ROWS = 1500
COLOURS = 160
# Something to see on Monitoring, slower than the usage plan allows.
REQUESTS, PAUSE_SECONDS = 20, 0.5
progress = Console(stderr=True)


def main() -> int:
    with sync_playwright() as playwright:
        executable = find_chromium(playwright)
        if executable is None:
            progress.print("There is no Chromium. Install it, or run .venv/bin/playwright install chromium.")
            return 1
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS.split())
        with local.deployed(stage="dev", console=progress, watch=local.Stopwatch()) as here:
            data = find_data(MODEL, None).path
            sent = upload(here.target, model=MODEL, file=data)
            run = follow(here.target, model=MODEL, run_id=sent.run_id, console=progress, timeout=local.RUN_TIMEOUT)
            raise_for_failure(here.target, run)
            for _ in range(REQUESTS):
                api.predict(here.target, model=MODEL, instances=[example(MODEL)])
                time.sleep(PAUSE_SECONDS)
            with pages.serving(here.target, console=progress, port=0) as page:
                assert page is not None
                take(browser.new_context(), page.url, data)
        browser.close()
    for picture in sorted(IMAGES.glob("*.png")):
        _shrink(picture)
    return 0


def take(context: BrowserContext, url: str, data: Path) -> None:
    with visiting(context, url, height=940) as visitor:
        _predict(visitor)
        visitor.picture(IMAGES / "predict.png", whole=False)
        _batch(visitor, data)
        visitor.picture(IMAGES / "batch.png", whole=False, top="stMetric")
        for name in ("models", "runs", "monitoring"):
            visitor.open(name)
            visitor.choose_model(TITLE)
            if name == "monitoring":
                visitor.page.get_by_role("radio", name="1 hour").click()
                expect(visitor.page.get_by_test_id("stVegaLiteChart").last).to_be_visible()
                visitor.wait()
            visitor.picture(IMAGES / f"{name}.png", whole=False)
    with visiting(context, url, width=390, height=844, theme="dark") as visitor:
        _predict(visitor)
        visitor.picture(IMAGES / "phone.png", whole=False, top="stMetric")


def _predict(visitor: Visitor) -> None:
    visitor.open()
    visitor.choose_model(TITLE)
    visitor.click_map(across=0.4, down=0.45)
    visitor.number("Median income (10,000 USD a year)").fill("6.4")
    visitor.predict()
    expect(visitor.page.get_by_test_id("stVegaLiteChart").last).to_be_visible()


def _batch(visitor: Visitor, data: Path) -> None:
    header, *lines = data.read_text().splitlines()
    chosen = random.Random(7).sample(lines, BATCH_ROWS)
    visitor.open("batch")
    visitor.choose_model(TITLE)
    visitor.upload(data.name, "\n".join([header, *chosen]).encode())
    visitor.page.get_by_role("button", name="Predict").click()
    expect(visitor.page.get_by_role("img", name="Map of the results")).to_be_visible()
    visitor.wait()


def _shrink(picture: Path) -> None:
    """A page has few colours: a palette halves the file."""
    with Image.open(picture) as image:
        image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(picture, optimize=True)


if __name__ == "__main__":
    sys.exit(main())
