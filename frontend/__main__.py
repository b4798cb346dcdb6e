"""Serves the page: python -m frontend [--port N] [--parent-pid N]. API_URL and API_KEY come from the environment."""

from __future__ import annotations

import argparse
import os
import signal
import threading
import time
from pathlib import Path

LOOPBACK = "127.0.0.1"
PARENT_CHECK_SECONDS = 0.5


def main() -> None:
    parser = argparse.ArgumentParser(prog="frontend", description=__doc__)
    parser.add_argument("--address", default=LOOPBACK, help="where to listen")
    parser.add_argument("--port", type=int, default=8501)
    parser.add_argument("--parent-pid", type=int, help="end when this process ends")
    parser.add_argument("--watch", action="store_true", help="run again what was edited")
    arguments = parser.parse_args()
    if arguments.parent_pid is not None:
        threading.Thread(target=_end_with, args=(arguments.parent_pid,), daemon=True).start()
    serve(address=arguments.address, port=arguments.port, watch=arguments.watch)


def serve(*, address: str, port: int, watch: bool) -> None:
    """Until SIGTERM or Ctrl-C."""
    from streamlit.web import cli

    options = [f"--server.address={address}", f"--server.port={port}"]
    if address == LOOPBACK:
        # Pages of other sites must not become this one by a name that leads here.
        options += [f"--server.allowedHosts={name}" for name in (LOOPBACK, "localhost")]
    if watch:
        options += ["--server.fileWatcherType=auto", "--server.runOnSave=true"]
    cli.main(["run", *options, str(Path(__file__).with_name("app.py"))])


def _end_with(parent: int) -> None:
    """Also when the parent was killed and could not end this process itself."""
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
