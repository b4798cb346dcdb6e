"""The page as a child process of `mlops local up`: start it, watch it, end it."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException

from cli.target import LOCAL_DIR, ROOT, Target
from cli.terminal import Console
from localcloud.private import open_private, private_folder

LOG_FILE = LOCAL_DIR / "page.log"
DEFAULT_PORT = 8501
START_SECONDS = 30.0
STOP_SECONDS = 5.0
TAIL_LINES = 15


@dataclass
class Page:
    """A page that answers at `url`. Its end is no error of the command that started it: `ended` tells of it once."""

    url: str
    child: subprocess.Popen[bytes]
    told: bool = False

    def ended(self) -> str:
        """How it ended by itself, with its last lines; "" while it runs, and after this was told."""
        status = self.child.poll()
        if status is None or self.told:
            return ""
        self.told = True
        return f"The page {_how(status)}.\n{_tail()}".rstrip()


@contextmanager
def serving(target: Target, *, console: Console, port: int = DEFAULT_PORT) -> Iterator[Page | None]:
    """The page for the target's API, on the port when it is free and on another one otherwise.

    None when it did not start: the console says why, and what it was started for goes on without it.
    """
    if target.page_key is None:
        console.print("No page: it holds an API key, and callers of this REST API sign with IAM.", style="yellow")
        yield None
        return
    if importlib.util.find_spec("streamlit") is None:
        console.print("No page: it is not set up here. `./dev setup local` brings it.", style="yellow", highlight=False)
        yield None
        return
    port = free_port(port)
    child = _start(target.api_url, target.page_key, port)
    try:
        with console.status("Starting the page"):
            problem = _wait_until_ready(child, port)
        if problem:
            console.say(problem, style="yellow")
        yield None if problem else Page(url=f"http://127.0.0.1:{port}", child=child)
    finally:
        _stop(child)


def free_port(wanted: int) -> int:
    """The wanted port of loopback, or one that the system chooses when it is taken."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("There is no free port on 127.0.0.1.")


def open_in_browser(url: str) -> bool:
    """Show the page where a person can see it: not in CI, and not on a machine without a screen."""
    screen = sys.platform in ("darwin", "win32") or any(name in os.environ for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    return screen and "CI" not in os.environ and sys.stdout.isatty() and webbrowser.open(url)


def environment(api_url: str, api_key: str) -> dict[str, str]:
    """The page's own: it holds no AWS credentials. The key is not an argument, which every user could list."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    path = os.pathsep.join((str(ROOT), str(ROOT / "assets" / "shared" / "python")))
    return {**ours, "API_URL": api_url, "API_KEY": api_key, "PYTHONPATH": path}


def _start(api_url: str, api_key: str, port: int) -> subprocess.Popen[bytes]:
    private_folder(LOG_FILE.parent)
    with open_private(LOG_FILE) as log:
        return subprocess.Popen(
            [sys.executable, "-m", "frontend", "--port", str(port), "--parent-pid", str(os.getpid())],
            cwd=ROOT,
            env=environment(api_url, api_key),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            # A Ctrl-C in the terminal is for this command, which ends the page in its own time.
            start_new_session=True,
        )


def _wait_until_ready(child: subprocess.Popen[bytes], port: int) -> str:
    """ "" when it answers; what went wrong otherwise."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        status = child.poll()
        if status is not None:
            return f"The page did not start: it {_how(status)}.\n{_tail()}".rstrip()
        if _healthy(port):
            return ""
        time.sleep(0.1)
    return f"The page was not ready after {START_SECONDS:.0f} s.\n{_tail()}".rstrip()


def _healthy(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/_stcore/health")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _stop(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is not None:
        return
    child.terminate()
    try:
        child.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _how(status: int) -> str:
    return f"was killed ({signal.Signals(-status).name})" if status < 0 else f"ended with exit code {status}"


def _tail() -> str:
    text = LOG_FILE.read_text(errors="replace")
    return "\n".join(text.splitlines()[-TAIL_LINES:])
