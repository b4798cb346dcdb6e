"""`dev` itself: which interpreter it takes, and how it ends."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
STUB = """
import os, sys, time
try:
    sys.stdout.write(f"{os.path.basename(sys.executable)} {' '.join(sys.argv[1:])} {os.environ.get('no_proxy')}\\n")
    sys.stdout.flush()
    time.sleep(float(os.environ.get("SLEEP", "0")))
except KeyboardInterrupt:
    sys.exit(130)
"""

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def names(tmp_path: Path) -> Path:
    """The only folder on the PATH besides the system's own tools."""
    folder = tmp_path / "names"
    folder.mkdir()
    for tool in ("dirname", "cat"):
        (folder / tool).symlink_to(str(shutil.which(tool)))
    return folder


@pytest.fixture
def dev(tmp_path: Path, names: Path) -> Start:
    """A tree that holds `dev` and a stand-in for what it sets up."""
    tree = tmp_path / "tree"
    (tree / "tools").mkdir(parents=True)
    # The usual places of this machine are none of the tree's.
    script = (ROOT / "dev").read_text().replace("for folder in /usr/bin", "for folder in /no")
    (tree / "dev").write_text(script.replace("/usr/bin/python3", ""))
    (tree / "dev").chmod(0o755)
    shutil.copy(ROOT / "tools/machine.py", tree / "tools")
    (tree / "tools/__main__.py").write_text(STUB)

    def start(**variables: str) -> subprocess.Popen[str]:
        environment = {"PATH": str(names), "HOME": str(tmp_path), **variables}
        return subprocess.Popen(
            ["/bin/sh", tree / "dev", "setup", "demo"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    return start


def too_old(names: Path, name: str) -> None:
    said = "/usr/bin/python3 is Python 3.10.13: it takes Python 3.11 to 3.14."
    (names / name).write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 1\n")
    (names / name).chmod(0o755)


def fitting(path: Path) -> None:
    """A symbolic link would lose the packages of an environment, which nothing here needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(os.path.realpath(sys.executable))


def test_a_supported_interpreter_beside_an_unsupported_one_is_found(dev: Start, names: Path) -> None:
    too_old(names, "python3")
    fitting(names / "python3.12")

    process = dev()

    assert process.communicate() == ("python3.12 setup demo None\n", "")
    assert process.returncode == 0


def test_one_of_pyenv_is_found(dev: Start, names: Path, tmp_path: Path) -> None:
    too_old(names, "python3")
    fitting(tmp_path / "pyenv/versions/3.13.0/bin/python3")

    assert dev(PYENV_ROOT=str(tmp_path / "pyenv")).communicate()[0] == "python3 setup demo None\n"


def test_without_one_it_is_one_sentence_and_nothing_is_made(dev: Start, names: Path, tmp_path: Path) -> None:
    too_old(names, "python3")

    process = dev()
    out, err = process.communicate()

    assert (process.returncode, out, len(err.splitlines())) == (1, "", 1)
    assert err.startswith("/usr/bin/python3 is Python 3.10.13: it takes Python 3.11 to 3.14. Install one, or name it: ")
    assert sorted(path.name for path in (tmp_path / "tree").iterdir()) == ["dev", "tools"]


def test_the_one_that_is_named_is_taken_or_refused(dev: Start, names: Path, tmp_path: Path) -> None:
    fitting(names / "python3")
    fitting(tmp_path / "mine")
    too_old(names, "old")

    assert dev(PYTHON=str(tmp_path / "mine")).communicate()[0] == "mine setup demo None\n"
    assert "is Python 3.10.13" in dev(PYTHON="old").communicate()[1]
    assert dev(PYTHON="nope").communicate()[1].startswith("PYTHON=nope is no command: name an interpreter")


def test_loopback_is_spared_where_there_is_a_proxy(dev: Start, names: Path) -> None:
    fitting(names / "python3")

    found = dev(https_proxy="http://127.0.0.1:9", NO_PROXY="intern.example").communicate()[0]

    assert found == "python3 setup demo intern.example,127.0.0.1,localhost,::1\n"


def test_ctrl_c_is_one_line(dev: Start, names: Path) -> None:
    fitting(names / "python3")
    process = dev(SLEEP="30")
    assert process.stdout is not None
    process.stdout.readline()

    # To the whole group, as a terminal does.
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=20)

    assert process.returncode == 130
    assert err == "Interrupted. The next ./dev goes on from here.\n"
