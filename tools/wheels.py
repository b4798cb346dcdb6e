"""Whether every locked file has wheels for every machine that is supported: `python tools wheels` prints a table."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tools import trust
from tools.commands import CommandError, say
from tools.environments import ROOT, UV

PLATFORMS = {
    "Linux x86-64": "x86_64-manylinux_2_28",
    "Linux arm64": "aarch64-manylinux_2_28",
    "macOS arm64": "aarch64-apple-darwin",
    "macOS Intel": "x86_64-apple-darwin",
}
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
GROUPS = ("tools", "lambda", "frontend", "demo", "local", "dev", "parity", "audit")
# The Java that Spark runs on here has no wheel for Linux on arm64; `./dev test --slow` is for other machines.
WITHOUT = {("Linux arm64", "parity")}
FOUND = ROOT / ".local" / "wheels.json"


@dataclass(frozen=True)
class Question:
    """One file for one machine."""

    group: str
    platform: str
    python: str

    def __str__(self) -> str:
        return f"requirements/{self.group}.txt on {self.platform} with Python {self.python}"


def check() -> None:
    """Print the table. Raises CommandError when a wheel is missing; asks again only when a file has changed."""
    digest = _digest()
    if not (FOUND.is_file() and json.loads(FOUND.read_text()) == digest):
        _ask_all()
        FOUND.parent.mkdir(exist_ok=True)
        FOUND.write_text(json.dumps(digest))
    for line in _table():
        say(line)


def _ask_all() -> None:
    questions = [Question(g, p, v) for g in GROUPS for p in PLATFORMS for v in PYTHONS if (p, g) not in WITHOUT]
    with tempfile.TemporaryDirectory() as empty, ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda question: _ask(question, empty), questions))
    missing = [f"{question}: {words}" for question, words in zip(questions, answers, strict=True) if words]
    if missing:
        raise CommandError("\n".join(["Wheels are missing.", *missing]))


def _ask(question: Question, empty: str) -> str:
    """ "" when all packages have wheels, what uv says otherwise."""
    target = ["--target", empty, "--python", sys.executable, "--python-version", question.python]
    options = ["--dry-run", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
    # It is published as source, all of it Python.
    options += ["--no-binary", "pyspark"] if question.group == "parity" else []
    file = str(ROOT / "requirements" / f"{question.group}.txt")
    machine = ["--python-platform", PLATFORMS[question.platform]]
    argv = [str(UV), "pip", "install", *target, *machine, *options, "--requirements", file]
    done = subprocess.run(argv, env=trust.uv_environment(), capture_output=True, text=True, check=False)
    return " ".join(done.stderr.split())[:300] if done.returncode else ""


def _table() -> Iterator[str]:
    """Rows of machines, columns of files; a dash where a file is not for a machine."""
    width = max(map(len, PLATFORMS)) + len(" 3.11")
    yield " ".join(["Wheels".ljust(width), *GROUPS])
    for platform in PLATFORMS:
        for python in PYTHONS:
            cells = ["-" if (platform, group) in WITHOUT else "all" for group in GROUPS]
            row = [cell.ljust(len(group)) for cell, group in zip(cells, GROUPS, strict=True)]
            yield " ".join([f"{platform} {python}".ljust(width), *row]).rstrip()


def _digest() -> dict[str, str]:
    """What the answers depend on, besides the registry."""
    files = [*(ROOT / "requirements").glob("*.txt"), ROOT / "tools" / "wheels.py"]
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
