"""The commands that a runbook prints, carried out on a deployed application as they stand there."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

from typer.testing import CliRunner

from cli.main import app
from cli.target import ROOT
from cli.terminal import output, progress
from tests.e2e.conftest import Platform

FOLDER = ROOT / "docs" / "runbooks"
FENCE = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`((?:mlops|\./dev|aws|time) [^`]+)`")
COMMENT = re.compile(r"\s+#.*$")
# Written in place of a word that the reader fills in.
PLACEHOLDER = re.compile(r"\b(?:RUN_ID|NUMBER|MODEL|FILE|ENDPOINT|ID|ENV)\b")
AGO = {"d": "days", "h": "hours"}


def commands_of(name: str) -> set[str]:
    """Every command that a runbook prints, with its placeholders."""
    text = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    fenced = [COMMENT.sub("", line) for block in FENCE.findall(text) for line in block.splitlines()]
    inline = [" ".join(found.split()) for found in INLINE.findall(FENCE.sub("", text))]
    return {command for command in (*fenced, *inline) if command}


@dataclass
class Runbook:
    """One runbook while it is read: what of it was carried out."""

    name: str
    platform: Platform
    done: set[str] = field(default_factory=set)

    def run(self, command: str, *says: str, answer: str = "", exit_code: int = 0, **values: object) -> str:
        """Carry out a command as it is printed, with the values in place of its placeholders; returns what it printed.

        `says` must be in that, `answer` is what the person types when asked.
        """
        assert command in commands_of(self.name), f"{self.name} does not print: {command}"
        self.done.add(command)
        filled = PLACEHOLDER.sub(lambda found: str(values[found[0].lower()]), command)
        code, printed = self._carry_out(filled, answer)
        print(f"$ {filled}\n{printed}")
        assert code == exit_code, f"{filled} ended with {code}: {printed}"
        # A sentence may be broken over lines.
        flat = " ".join(printed.split())
        missing = [words for words in says if words not in flat]
        assert missing == [], f"{filled} does not say {missing}: {printed}"
        return flat

    def _carry_out(self, command: str, answer: str) -> tuple[int, str]:
        program, *words = shlex.split(command.removeprefix("time "))
        if program == "aws":
            return 0, self._tail(words)
        assert program == "mlops", command
        # A console that is made when it is imported keeps the width of that moment.
        with mock.patch.object(output, "_width", 200), mock.patch.object(progress, "_width", 200):
            done = CliRunner().invoke(app, words, input=answer)
        return done.exit_code, done.output

    def _tail(self, words: list[str]) -> str:
        """`aws logs tail`, which is not here, by boto3."""
        assert words[:2] == ["logs", "tail"], words
        group, options = words[2], dict(zip(words[3::2], words[4::2], strict=True))
        since = options.pop("--since")
        start = datetime.now(UTC) - timedelta(**{AGO[since[-1]]: int(since[:-1])})
        request: dict[str, Any] = {"logGroupName": group, "startTime": int(start.timestamp() * 1000)}
        if pattern := options.pop("--filter-pattern", ""):
            request["filterPattern"] = pattern
        assert options == {}
        pages = self.platform.target.client("logs").get_paginator("filter_log_events").paginate(**request)
        return "\n".join(event["message"] for page in pages for event in page["events"])


@contextmanager
def reading(platform: Platform, name: str, *, elsewhere: Collection[str] = ()) -> Iterator[Runbook]:
    """A runbook that is carried out in the block, every command of it but those that are known to be done elsewhere."""
    book = Runbook(name, platform)
    yield book
    left = commands_of(name) - book.done - set(elsewhere)
    assert left == set(), f"{name} prints what nothing carries out: {sorted(left)}"
    assert set(elsewhere) <= commands_of(name) - book.done, f"of {name}, done after all or gone"


def written() -> set[str]:
    return {path.stem for path in Path(FOLDER).glob("*.md")}
