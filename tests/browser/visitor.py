"""What a person does on the page, by Playwright; for the tests and for the README's pictures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, WebSocket, expect

WAIT_MILLISECONDS = 20_000
TALLEST = 3000
# Streamlit asks for its health below the page's own path first, and then at the root.
EXPECTED_404 = "/_stcore/"

expect.set_options(timeout=WAIT_MILLISECONDS)


@dataclass
class Visitor:
    """One browser window. It notes what went over the wire and what went wrong."""

    page: Page
    url: str
    addresses: list[str] = field(default_factory=list)
    frames: list[bytes] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def open(self, name: str = "") -> None:
        self.page.goto(f"{self.url}/{name}")
        self.wait()

    def wait(self) -> None:
        """Until the script ran to its end and what it sent is drawn."""
        expect(self.page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
        expect(self.page.get_by_test_id("stApp")).to_have_attribute("data-test-connection-state", "CONNECTED")
        expect(self.page.get_by_role("heading").first).to_be_visible()
        expect(self.page.get_by_test_id("stSkeleton")).to_have_count(0)

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

    def overflow(self) -> int:
        """Pixels by which the content is wider than the window."""
        script = (
            "() => { const m = document.querySelector('[data-testid=stMain]'); return m.scrollWidth - m.clientWidth }"
        )
        return int(self.page.evaluate(script))

    def picture(self, path: Path, *, whole: bool = True, top: str = "stHeading") -> None:
        """A PNG of the window, or of everything that scrolling would show; `top` is the element that it starts with."""
        size = self.page.viewport_size
        assert size is not None
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
        self.page.wait_for_timeout(400)  # charts and tables are drawn on canvases, which say nothing when they are done
        self.page.screenshot(path=path)
        self.page.set_viewport_size(size)


@contextmanager
def visiting(
    browser: Browser, url: str, *, width: int = 1280, height: int = 900, theme: str = "light", scale: float = 1.0
) -> Iterator[Visitor]:
    """A new window, which knows nothing of the ones before. `theme` is light or dark."""
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if theme == "dark" else "light",
        device_scale_factor=scale,
        accept_downloads=True,
    )
    page = context.new_page()
    visitor = Visitor(page=page, url=url)
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
        context.close()


def _note_frames(socket: WebSocket, visitor: Visitor) -> None:
    def note(payload: str | bytes) -> None:
        visitor.frames.append(payload.encode() if isinstance(payload, str) else payload)

    visitor.addresses.append(socket.url)
    socket.on("framereceived", note)
    socket.on("framesent", note)
