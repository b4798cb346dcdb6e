"""What a person does on the page, by Playwright; for the tests and for the README's pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import BrowserContext, Locator, Page, ViewportSize, WebSocket, expect

WAIT_MILLISECONDS = 20_000
TALLEST = 3000
MOST_SHOTS, SHOT_MILLISECONDS = 30, 50
# Streamlit asks for its health below the page's own path first, and then at the root.
EXPECTED_404 = "/_stcore/"

expect.set_options(timeout=WAIT_MILLISECONDS)


# Streamlit draws in several frames: ready is what has been so for a moment.
READY = """(call) => {
    const app = document.querySelector('[data-testid=stApp]');
    const ready = app && app.dataset.testScriptState === 'notRunning' && app.dataset.testConnectionState === 'CONNECTED'
        && document.querySelector('h1, h2, h3')?.checkVisibility()
        && !document.querySelector('[data-testid=stSkeleton]');
    const seen = window.seenReady;
    if (!ready || seen?.call !== call) window.seenReady = ready ? { call, since: performance.now() } : undefined;
    return ready && performance.now() - window.seenReady.since >= 50;
}"""


@dataclass
class Visitor:
    """One browser window. It notes what went over the wire and what went wrong."""

    page: Page
    url: str
    theme: str
    calls: int = 0
    pictures: list[Path] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    frames: list[bytes] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def open(self, name: str = "") -> None:
        """By address, as a new visit."""
        self.page.goto(f"{self.url}/{name}")
        self.wait()

    def turn_to(self, title: str) -> None:
        """By the navigation, within the same visit."""
        narrow = self.page.get_by_test_id("stExpandSidebarButton").is_visible()
        if narrow:
            self.page.get_by_test_id("stExpandSidebarButton").click()
        self.page.get_by_role("link", name=title).click()
        expect(self.page.get_by_role("heading", name=title, exact=True)).to_be_visible()
        if narrow:
            self.page.get_by_test_id("stSidebarCollapseButton").get_by_role("button").click()
            expect(self.page.get_by_test_id("stSidebar")).not_to_be_in_viewport()
        self.wait()

    def wait(self) -> None:
        """Until the script ran to its end and what it sent is drawn."""
        self.calls += 1
        self.page.wait_for_function(READY, arg=self.calls, timeout=WAIT_MILLISECONDS)

    def switch_theme(self) -> None:
        """From light to dark, or back. Colours of charts and maps come with the next run of the script."""
        self.theme = "light" if self.theme == "dark" else "dark"
        self.page.emulate_media(color_scheme="dark" if self.theme == "dark" else "light")
        expect(self.page.get_by_test_id("stApp")).to_have_css("color-scheme", self.theme)
        self.page.evaluate("() => document.activeElement.blur()")
        self.page.keyboard.press("r")  # Streamlit's key to run the script again, outside of fields
        self.wait()

    def choose_model(self, title: str) -> None:
        box = self.page.get_by_role("combobox", name="Model", exact=True)
        if box.input_value() == title:
            return
        subtitle = self.page.get_by_test_id("stCaptionContainer").first
        before = subtitle.inner_text()
        box.click()
        self.page.get_by_role("option", name=title, exact=True).click()
        expect(subtitle).not_to_have_text(before)
        self.wait()

    def number(self, label: str) -> Locator:
        return self.page.get_by_role("spinbutton", name=label, exact=True)

    def click_map(self, *, across: float, down: float) -> None:
        """At shares of its width and height; until the map marks the place."""
        land = self.page.get_by_role("img", name="Map: click")
        chosen = land.locator(".chosen")
        before, box = chosen.get_attribute("cx"), land.bounding_box()
        assert before is not None and box is not None
        land.click(position={"x": box["width"] * across, "y": box["height"] * down})
        expect(chosen).not_to_have_attribute("cx", before)
        self.wait()

    def predict(self) -> None:
        self.page.get_by_role("button", name="Predict", exact=True).click()
        self.wait()

    def upload(self, name: str, content: bytes) -> None:
        self.page.locator("input[type=file]").set_input_files({"name": name, "mimeType": "text/csv", "buffer": content})
        expect(self.page.get_by_role("button", name="Predict")).to_be_visible()
        self.wait()

    @property
    def size(self) -> ViewportSize:
        assert self.page.viewport_size is not None
        return self.page.viewport_size

    def resize(self, width: int) -> None:
        self.page.set_viewport_size({"width": width, "height": self.size["height"]})
        self.wait()

    def is_dark(self) -> bool:
        """By the colour of the ground."""
        script = "() => getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"
        return sum(map(int, re.findall(r"\d+", self.page.evaluate(script))[:3])) < 3 * 128

    def overflow(self) -> int:
        """Pixels by which the content is wider than the window."""
        script = (
            "() => { const m = document.querySelector('[data-testid=stMain]'); return m.scrollWidth - m.clientWidth }"
        )
        return int(self.page.evaluate(script))

    def picture(self, path: Path, *, whole: bool = True, top: str = "stHeading") -> None:
        """A PNG of the window, or of everything that scrolling would show; `top` is the element that it starts with."""
        size = self.size
        path.parent.mkdir(parents=True, exist_ok=True)
        if whole:
            height = int(self.page.evaluate("() => document.querySelector('[data-testid=stMain]').scrollHeight"))
            self.page.set_viewport_size({"width": size["width"], "height": min(max(height, size["height"]), TALLEST)})
            self.wait()
        script = """(first) => {
            const main = document.querySelector('[data-testid=stMain]');
            const offset = document.querySelector(`[data-testid=${first}]`).getBoundingClientRect().top;
            main.scrollTo(0, main.scrollTop + offset - 110);
        }"""
        self.page.evaluate(script, top)
        path.write_bytes(self._still())
        self.page.set_viewport_size(size)
        self.pictures.append(path)

    def _still(self) -> bytes:
        """Charts and tables are drawn on canvases, which say nothing when they are done: until two pictures agree."""
        shot = self.page.screenshot()
        for _ in range(MOST_SHOTS):
            self.page.wait_for_timeout(SHOT_MILLISECONDS)
            again = self.page.screenshot()
            if again == shot:
                break
            shot = again
        return shot


@contextmanager
def visiting(
    context: BrowserContext, url: str, *, width: int = 1280, height: int = 900, theme: str = "light"
) -> Iterator[Visitor]:
    """A new window. It shares what the browser has stored with the others of its context. `theme` is light or dark."""
    page = context.new_page()
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    visitor = Visitor(page=page, url=url, theme=theme)
    page.on("request", lambda request: visitor.addresses.append(request.url))
    # Who leaves a page breaks off what it was still loading.
    page.on(
        "requestfailed",
        lambda request: (
            visitor.failures.append(f"failed: {request.url}: {request.failure}")
            if request.failure != "net::ERR_ABORTED"
            else None
        ),
    )
    page.on(
        "response",
        lambda answer: (
            visitor.failures.append(f"{answer.status}: {answer.url}")
            if answer.status >= 400 and EXPECTED_404 not in answer.url
            else None
        ),
    )
    page.on("pageerror", lambda error: visitor.failures.append(f"script: {error}"))
    page.on("websocket", lambda socket: _note_frames(socket, visitor))
    try:
        yield visitor
    finally:
        page.close()


def _note_frames(socket: WebSocket, visitor: Visitor) -> None:
    def note(payload: str | bytes) -> None:
        visitor.frames.append(payload.encode() if isinstance(payload, str) else payload)

    visitor.addresses.append(socket.url)
    socket.on("framereceived", note)
    socket.on("framesent", note)
