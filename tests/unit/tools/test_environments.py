"""When an environment is kept, and why it is made anew."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from tools import environments
from tools.environments import Stamp

ROOT = Path(__file__).resolve().parents[3]
WANTED = Stamp(group="demo", requirements="abc", root="/here", python="3.13.0 x86_64 /usr/bin/python3.13")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (None, " anew: it was left half made"),
        (replace(WANTED, root="/there"), " anew: it was made for another folder"),
        (
            replace(WANTED, python="3.12.1 x86_64 /usr/bin/python3.12"),
            " anew: it was made with Python 3.12.1, and this is 3.13.0",
        ),
        (replace(WANTED, requirements="older"), ""),
        (replace(WANTED, group="local"), ""),
    ],
)
def test_the_reason_is_said(folder: Path, found: Stamp | None, reason: str) -> None:
    assert environments._why_anew(folder, found, WANTED) == reason


def test_an_interpreter_that_was_removed_is_noticed(folder: Path) -> None:
    (folder / "bin/python").unlink()
    (folder / "bin/python").symlink_to("/no/longer/there")

    assert environments._why_anew(folder, WANTED, WANTED) == " anew: its interpreter is gone"


def test_a_stamp_comes_back_and_nonsense_is_none(tmp_path: Path) -> None:
    WANTED.write(tmp_path)
    assert Stamp.read(tmp_path) == WANTED

    for text in ("", "dev 123 456", '{"group": "dev"}', "[]"):
        (tmp_path / "stamp").write_text(text)
        assert Stamp.read(tmp_path) is None


@pytest.mark.parametrize(
    ("asked", "there", "made"),
    [("demo", "dev", "dev"), ("demo", "local", "local"), ("local", "demo", "local"), ("dev", "local", "dev")],
)
def test_an_environment_that_holds_more_serves(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, asked: str, there: str, made: str
) -> None:
    calls: list[tuple[Path, str]] = []
    monkeypatch.setattr(environments, "MAIN", tmp_path)
    monkeypatch.setattr(environments, "ensure", lambda folder, group: calls.append((folder, group)))
    Stamp.of(there).write(tmp_path)

    environments.ensure_main(asked)

    assert calls == [(tmp_path, made), (environments.FUNCTIONS, "lambda")]


def test_one_that_is_out_of_date_becomes_what_is_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls: list[str] = []
    monkeypatch.setattr(environments, "MAIN", tmp_path)
    monkeypatch.setattr(environments, "ensure", lambda _, group: calls.append(group))
    replace(Stamp.of("dev"), requirements="older").write(tmp_path)

    environments.ensure_main("demo")

    assert calls[0] == "demo"


def test_groups_within_a_group_have_its_versions() -> None:
    locked = {}
    for group in ("lambda", "frontend", *environments.MAIN_GROUPS):
        lines = (ROOT / "requirements" / f"{group}.txt").read_text().splitlines()
        locked[group] = {line.split(" ;")[0].rstrip(" \\") for line in lines if "==" in line and line[0].isalpha()}
    assert locked["lambda"] <= locked["demo"] <= locked["local"] <= locked["dev"]
    assert locked["frontend"] <= locked["local"]


def test_the_announced_size_is_true() -> None:
    """Of the environment that runs this test; files that it shares with the packages' cache count."""
    environment = Path(os.environ["VIRTUAL_ENV"]) if "VIRTUAL_ENV" in os.environ else environments.MAIN
    stamp = Stamp.read(environment)
    if stamp is None:
        pytest.skip("this environment was not made by ./dev")
    files = [path for path in environment.rglob("*") if path.is_file() and not path.is_symlink()]
    megabytes = sum(path.stat().st_blocks for path in files) * 512 / 2**20
    assert megabytes == pytest.approx(environments.SIZES[stamp.group], rel=0.25)
