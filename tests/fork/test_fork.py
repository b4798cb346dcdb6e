"""A team takes this repository and makes it its own: its checks are green, as the project's are."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fork.tree import ROOT, fork

pytestmark = pytest.mark.slow
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fork(tmp_path_factory.mktemp("fork") / "acme")


def run(tree: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """In the fork, as ./dev does; with this tree's environment, for a second one takes minutes."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "PROJECT_", "AWS_"))}
    return subprocess.run(
        command, cwd=tree, env={**kept, **variables}, capture_output=True, text=True, check=False, timeout=1500
    )


def test_snapshots_and_the_quick_tests_are_green(tree: Path) -> None:
    pytest_ = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    own = "tests/infrastructure/test_own.py"
    made = run(tree, *pytest_, own, "-k", "snapshot", SNAPSHOT_UPDATE="1")
    assert made.returncode == 0, made.stdout[-8000:]
    names = {path.stem.split("-")[0] for path in (tree / "tests" / "infrastructure" / "snapshots").glob("*.json")}
    assert names == {"test", "live"}
    tested = run(tree, *pytest_, "-n", "2", "--dist", "loadfile", *quick(tree))
    assert tested.returncode == 0, tested.stdout[-8000:]


def test_the_checks_are_green(tree: Path) -> None:
    """Those of ./dev check that look at what a fork changes."""
    changed = ("stacks", "tests", "cli", "app.py")
    for command in (
        (str(BIN / "ruff"), "format", "--check", "--quiet", *changed),
        (str(BIN / "ruff"), "check", "--quiet", *changed),
        (str(BIN / "mypy"), "--cache-dir", str(ROOT / ".mypy_cache" / "fork"), "stacks/config.py", "app.py"),
        (sys.executable, "tests/host_guard.py"),
    ):
        done = run(tree, *command)
        assert done.returncode == 0, done.stdout + done.stderr


def quick(tree: Path) -> list[str]:
    """The folders of `./dev test quick`."""
    (line,) = (line for line in (tree / "dev").read_text().splitlines() if line.startswith("quick="))
    return line.removeprefix("quick=").strip('"').split()
