"""A real Chromium on a served page over the fake API; skipped with a reason where there is no browser.

Playwright's own pytest plugin keeps an event loop running for the whole session, in which no other test of the process
may use asyncio.run: here it ends with the module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from cli import page as pages
from cli.terminal import Console
from tests.browser.chromium import FLAGS, find_chromium
from tests.browser.visitor import Visitor, visiting
from tests.fakeapi import KEY, FakeApi, serving

ROOT = Path(__file__).resolve().parents[2]
# What a test saw, kept to be looked at.
PICTURES = ROOT / ".local" / "screenshots"
LOCAL = ("data:", "blob:")

Window = Callable[..., Visitor]


@dataclass(frozen=True)
class Served:
    """The page at `url`, over `api`; what it printed is in `log`."""

    url: str
    api: FakeApi
    log: Path


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        executable = find_chromium(playwright)
        if executable is None:
            pytest.skip(
                "no Chromium: apt-get install chromium-headless-shell, or .venv/bin/playwright install chromium"
            )
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS.split())
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def context(browser: Browser) -> BrowserContext:
    """One for all windows: they share the cache, or each of them would load and compile the page's scripts."""
    return browser.new_context(accept_downloads=True)


@pytest.fixture(scope="module")
def served(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Started as `mlops local up` starts it."""
    log = tmp_path_factory.mktemp("page") / "page.log"
    with pytest.MonkeyPatch.context() as patch, serving() as api:
        patch.setattr(pages, "LOG_FILE", log)
        api.now = datetime.now(UTC)
        target: Any = SimpleNamespace(api_url=api.url, page_key=KEY)
        with pages.serving(target, console=Console(stderr=True), port=0) as page:
            assert page is not None
            yield Served(url=page.url, api=api, log=log)


@pytest.fixture
def window(context: BrowserContext, served: Served, request: pytest.FixtureRequest) -> Iterator[Window]:
    """Opens windows on the page. None may have failed requests; one of which no picture was taken leaves one."""
    with ExitStack() as stack:

        def open_window(**options: Any) -> Visitor:
            return stack.enter_context(_watched(context, served, request.node.name, **options))

        yield open_window


def fits_in_both_themes(visitor: Visitor, name: str) -> None:
    """As it stands, and in the other theme: nothing is wider than the window. Leaves a picture of each."""
    for turn in range(2):
        if turn:
            visitor.switch_theme()
        assert visitor.overflow() == 0
        assert visitor.is_dark() == (visitor.theme == "dark")
        visitor.picture(PICTURES / f"{name}-{visitor.size['width']}-{visitor.theme}.png")


@contextmanager
def _watched(context: BrowserContext, served: Served, test: str, **options: Any) -> Iterator[Visitor]:
    with visiting(context, served.url, **options) as visitor:
        yield visitor
        if not visitor.pictures:
            visitor.picture(PICTURES / f"{test.replace('/', '-')}.png", whole=False)
        assert visitor.failures == []
        assert [url for url in visitor.addresses if "//127.0.0.1:" not in url and not url.startswith(LOCAL)] == []
