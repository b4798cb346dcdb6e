"""What is shown of other programs."""

from __future__ import annotations

import os
import sys

import pytest

from tools.commands import CommandError, _without_list, run


def test_the_bars_are_shown_and_the_list_of_packages_is_not() -> None:
    chunks = [b"Resolved 2 packages\r\n", b"\x1b[2KInst", b"alled 2 packages\r\n", b" + altair\r\n", b"+", b""]
    read, shown = _without_list(), []
    for chunk in chunks:
        out, into = os.pipe()
        os.write(into, chunk)
        os.close(into)
        shown.append(read(out))
        os.close(out)

    assert shown == [*chunks[:3], b"\r", b"\r", b""]


def test_a_command_that_fails_says_its_last_lines() -> None:
    with pytest.raises(CommandError) as failed:
        run([sys.executable, "-c", "import sys; sys.exit('\\n'.join(map(str, range(100))))"])

    assert str(failed.value).splitlines() == [str(number) for number in range(80, 100)]


def test_a_command_that_was_interrupted_is_an_interruption() -> None:
    with pytest.raises(KeyboardInterrupt):
        run([sys.executable, "-c", "raise SystemExit(130)"])
