"""The page as a child process: where it starts, what it is given, and how it ends."""

from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest

from cli import page
from cli.terminal import Console

ROOT = Path(__file__).resolve().parents[3]
KEY = "key-of-the-page-tests"
QUIET = Console(quiet=True)


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.setattr(page, "LOG_FILE", tmp_path / "page.log")
    return SimpleNamespace(api_url="http://127.0.0.1:9/v1", page_key=KEY)


def get(url: str) -> str:
    connection = HTTPConnection(urlsplit(url).netloc, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def gone(pid: int, *, seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_a_name_that_was_rebound_to_this_machine_opens_no_session(target: Any) -> None:
    socket_headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    found = {}
    with page.serving(target, console=QUIET, port=0) as served:
        assert served is not None
        for name in ("127.0.0.1", "localhost", "evil.example"):
            host = f"{name}:{urlsplit(served.url).port}"
            with closing(HTTPConnection(urlsplit(served.url).netloc, timeout=10)) as connection:
                headers = {"Host": host, "Origin": f"http://{host}", **socket_headers}
                connection.request("GET", "/_stcore/stream", headers=headers)
                found[name] = connection.getresponse().status
    assert found == {"127.0.0.1": 101, "localhost": 101, "evil.example": 403}


def test_it_takes_another_port_when_the_wanted_one_is_taken_and_ends_with_the_block(target: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        wanted = taken.getsockname()[1]
        with page.serving(target, console=QUIET, port=wanted) as served:
            assert served is not None
            assert served.url != f"http://127.0.0.1:{wanted}"
            assert "<title>" in get(served.url)
            assert served.ended() == ""
    assert served.child.returncode is not None
    assert KEY not in page.LOG_FILE.read_text()


def test_a_page_that_is_killed_is_told_of_once(target: Any) -> None:
    with page.serving(target, console=QUIET, port=0) as served:
        assert served is not None
        served.child.kill()
        served.child.wait()
        assert served.ended().startswith("The page was killed (SIGKILL).")
        assert served.ended() == ""


def test_a_page_that_does_not_start_is_no_error(target: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "ROOT", Path(page.LOG_FILE).parent)
    written = io.StringIO()
    console = Console(width=200, file=written)
    with page.serving(target, console=console, port=0) as served:
        assert served is None
    words = written.getvalue()
    assert "The page did not start: it ended with exit code 1." in words
    assert "No module named frontend" in words


def test_there_is_no_page_where_callers_sign_with_iam(target: Any) -> None:
    target.page_key = None
    written = io.StringIO()
    with page.serving(target, console=Console(width=200, file=written), port=0) as served:
        assert served is None
    assert "callers of this REST API sign with IAM" in written.getvalue()


def test_it_ends_when_the_command_is_killed(tmp_path: Path) -> None:
    script = f"""
import time
from pathlib import Path
from types import SimpleNamespace
from cli.terminal import Console
from cli import page
page.LOG_FILE = Path({str(tmp_path / "page.log")!r})
target = SimpleNamespace(api_url="http://127.0.0.1:9/v1", page_key={KEY!r})
with page.serving(target, console=Console(quiet=True), port=0) as served:
    print(served.child.pid, flush=True)
    time.sleep(60)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "assets" / "shared" / "python")}
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as command:
        assert command.stdout is not None
        pid = int(command.stdout.readline())
        command.send_signal(signal.SIGKILL)
    assert gone(pid)


def test_its_environment_holds_the_key_and_no_aws_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    given = page.environment("http://host/v1", KEY)
    assert (given["API_URL"], given["API_KEY"]) == ("http://host/v1", KEY)
    assert [name for name in given if name.startswith("AWS_")] == []


@pytest.mark.parametrize(
    ("variables", "opened"), [({"DISPLAY": ":0"}, True), ({"DISPLAY": ":0", "CI": "true"}, False), ({}, False)]
)
def test_a_browser_opens_where_a_person_can_see_it(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], opened: bool
) -> None:
    seen: list[str] = []
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "CI"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr(page.webbrowser, "open", lambda url: not seen.append(url))
    assert page.open_in_browser("http://127.0.0.1:8501") is opened
    assert bool(seen) is opened
