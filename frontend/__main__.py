"""Serves the page: python -m frontend [--address A] [--port N]. API_URL, API_KEY, PAGE_* come from the environment."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
import tomllib
from collections.abc import Mapping
from pathlib import Path

from frontend.access import asks_for_login, from_environment
from frontend.settings import SettingsError

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
    try:
        check(os.environ, address=arguments.address)
    except SettingsError as error:
        sys.exit(str(error))
    serve(address=arguments.address, port=arguments.port, watch=arguments.watch)


def check(environment: Mapping[str, str], *, address: str) -> None:
    """Raises SettingsError for a page that would let in whoever comes, or nobody, without being told so."""
    asks_for_login(from_environment(environment), address=address, configured=has_login(environment))


def has_login(environment: Mapping[str, str]) -> bool:
    """Whether a secrets file has an [auth] section. Raises SettingsError for a file that is not TOML."""
    named = environment.get("STREAMLIT_SECRETS_FILES", "").split()
    files = [Path(name) for name in named] or [home / ".streamlit/secrets.toml" for home in (Path.home(), Path.cwd())]
    for file in filter(Path.is_file, files):
        try:
            if "auth" in tomllib.loads(file.read_text()):
                return True
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            # Not what stands there: it may be a secret.
            raise SettingsError(f"{file} is not TOML: {type(error).__name__}.") from None
    return False


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
