"""The commit that versions carry, in repositories of our own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from stacks.commit import commit_of


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    folder.mkdir()
    git(folder, "init", "--quiet")
    (folder / "app.py").write_text("1")
    (folder / ".gitignore").write_text("cdk.out\n")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "first")
    return folder


def test_a_clean_checkout_is_its_head(checkout: Path) -> None:
    (checkout / "cdk.out").write_text("what git ignores changes nothing")
    assert commit_of(checkout) == git(checkout, "rev-parse", "HEAD")


@pytest.mark.parametrize("name", ["app.py", "models.toml"])
def test_a_file_that_was_changed_or_added_makes_it_dirty(checkout: Path, name: str) -> None:
    (checkout / name).write_text("2")
    assert commit_of(checkout) == git(checkout, "rev-parse", "HEAD") + "-dirty"


def test_a_change_beside_it_in_the_same_repository_does_not(checkout: Path) -> None:
    (checkout / "platform").mkdir()
    (checkout / "platform" / "app.py").write_text("1")
    git(checkout, "add", ".")
    git(checkout, "commit", "--quiet", "-m", "second")
    (checkout / "app.py").write_text("2")
    assert commit_of(checkout / "platform") == git(checkout, "rev-parse", "HEAD")


def test_a_folder_that_no_repository_keeps_is_unknown(tmp_path: Path, checkout: Path) -> None:
    (tmp_path / "app.py").write_text("1")
    assert commit_of(tmp_path) == "unknown"
    copy = checkout / "copy"
    copy.mkdir()
    (copy / "app.py").write_text("1")
    assert commit_of(copy) == "unknown"


def test_without_git_it_is_unknown(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert commit_of(checkout) == "unknown"


def test_a_repository_without_a_commit_is_unknown(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    (tmp_path / "app.py").write_text("1")
    git(tmp_path, "add", ".")
    assert commit_of(tmp_path) == "unknown"
