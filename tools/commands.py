"""Commands of other programs: quiet, with their last words when they fail; with their own progress on a terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

LAST_LINES = 20
INTERRUPTED = 130
SUMMARY = b"Installed "


class CommandError(Exception):
    """A command failed; the message holds its last lines."""


def run(argv: Sequence[str | Path], *, env: Mapping[str, str] | None = None) -> str:
    """Its standard output. Raises CommandError."""
    done = subprocess.run(
        [str(item) for item in argv], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode in (INTERRUPTED, -2):
        raise KeyboardInterrupt
    if done.returncode:
        words = (done.stderr or done.stdout).strip().splitlines()[-LAST_LINES:]
        raise CommandError("\n".join(words) or f"{argv[0]} failed with exit code {done.returncode}")
    return done.stdout


def run_uv(argv: Sequence[str | Path], *, env: Mapping[str, str]) -> None:
    """With uv's bars where somebody sees them. Raises CommandError."""
    if not all(os.isatty(number) for number in (0, 1, 2)):
        run([*argv, "--quiet"], env=env)
        return
    os.environ.update(env)
    status = os.waitstatus_to_exitcode(pty.spawn([str(item) for item in argv], _without_list()))
    sys.stderr.write("\x1b[0m\r")  # the list's first word was dim
    if status in (INTERRUPTED, -2):
        raise KeyboardInterrupt
    if status:
        raise CommandError(f"{Path(argv[0]).name} failed: see above.")


def _without_list() -> Callable[[int], bytes]:
    """Reads the terminal's output, up to the summary with the list of all packages that closes it."""
    seen, ended = b"", False

    def read(number: int) -> bytes:
        nonlocal seen, ended
        data = os.read(number, 65536)
        seen = seen[-len(SUMMARY) :] + data
        shown = b"" if ended else data.partition(SUMMARY)[0]
        ended = ended or SUMMARY in seen
        return shown or (b"\r" if data else b"")  # nothing at all would end the reading

    return read


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
