"""Every command is documented, and every documented command and option is there."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from cli.main import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Path and command: ("local", "up")."""
    for name, command in getattr(group, "commands", {}).items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


MLOPS = dict(commands(typer.main.get_command(app)))


def code(page: Path) -> Iterator[str]:
    """Lines of code blocks, and code in the text; without the comments of shell lines."""
    text = page.read_text()
    for block in re.findall(r"^ *```\w*\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL):
        yield from (line.partition(" #")[0].strip() for line in block.splitlines())
    yield from (
        span.replace("\n", " ")
        for span in re.findall(r"(?<!`)`([^`]+)`(?!`)", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    )


def used(program: str) -> list[tuple[str, list[str]]]:
    """Page and arguments of every documented use: `./dev mlops runs` is a use of both."""
    found = []
    for page in PAGES:
        for line in code(page):
            for arguments in re.findall(rf"(?:^|[\s;(]){re.escape(program)} ([^|;&]+)", line):
                found.append((page.name, arguments.split()))
    return found


def tasks() -> set[str]:
    text = subprocess.run([str(ROOT / "dev"), "help"], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"^  (\w+) ", text, re.MULTILINE))


@pytest.mark.parametrize("path", MLOPS, ids=" ".join)
def test_a_command_is_documented(path: tuple[str, ...]) -> None:
    assert [page for page, words in used("mlops") if tuple(words[: len(path)]) == path] != []


def test_a_documented_command_is_there_with_its_options() -> None:
    wrong = []
    for page, words in used("mlops"):
        path = next((path for path in MLOPS if tuple(words[: len(path)]) == path), None)
        groups = {path[0] for path in MLOPS if len(path) > 1}
        if path is None and words[0] not in groups | {"...", '"$@"'}:
            wrong.append(f"{page}: mlops {' '.join(words)}")
        if path is not None:
            known = {
                option for parameter in MLOPS[path].params for option in (*parameter.opts, *parameter.secondary_opts)
            }
            options = [word.partition("=")[0].strip("[]") for word in words if word.startswith(("-", "[-"))]
            wrong += [f"{page}: mlops {' '.join(path)} {option}" for option in options if option not in known]
    assert wrong == []


def test_every_task_is_documented_and_every_documented_task_is_there() -> None:
    documented = {words[0] for _, words in used("./dev")} - {"TASK"}
    assert documented == tasks() | {"help"}


def test_every_finding_that_is_accepted_has_its_reason() -> None:
    accepted = yaml.safe_load((ROOT / ".checkov.yaml").read_text())["skip-check"]
    told = re.findall(r"CKV_[A-Z0-9]+_\d+", (ROOT / "docs" / "security.md").read_text())
    assert sorted(accepted) == sorted(told)


def test_the_help_lists_every_task() -> None:
    cases = (ROOT / "dev").read_text().rpartition("case $task in\n")[2]
    assert set(re.findall(r"^(\w+)\)", cases, re.MULTILINE)) == tasks()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []
