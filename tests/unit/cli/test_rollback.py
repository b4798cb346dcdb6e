"""A rollback says how to undo it: where it went well, and where the version that it went to was rejected."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from cli import lifecycle, registry
from cli.errors import CliError
from cli.main import app
from cli.options import DEFAULT_MODEL
from tracking.versions import ModelVersion

MADE = datetime(2026, 1, 2, tzinfo=UTC)
MODEL = DEFAULT_MODEL
BACK = "Back to version 3, which was rejected for it: mlops approve 3."


def version(number: int, approval: str, reason: str = "", *, live: bool = False) -> ModelVersion:
    return ModelVersion(number, f"arn:m/{number}", approval, "", MADE, "", live, {"decision_reason": reason})


TARGET: Any = SimpleNamespace(place=None)
KNOWN = [
    version(4, "Rejected", "rolled back to version 12: another time"),
    version(3, "Rejected", "rolled back to version 1: prices look odd"),
    version(2, "Rejected", "rolled back to version 1: prices look odd"),
    version(1, "Approved", live=True),
]


@pytest.fixture
def rolled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "versions", lambda *_: KNOWN)
    monkeypatch.setattr(registry, "rollback", lambda *_, **__: KNOWN[-1])
    monkeypatch.setattr(lifecycle, "find_target", lambda **_: TARGET)
    monkeypatch.setattr(lifecycle, "wait_until_live", lambda *_: KNOWN[-1])


def test_the_way_back_is_the_newest_version_that_was_left_for_it(rolled: None) -> None:
    assert registry.way_back(TARGET, MODEL, KNOWN[-1]) == BACK
    assert registry.way_back(TARGET, "other", KNOWN[-1]).endswith("mlops approve 3 --model other.")
    assert registry.way_back(TARGET, MODEL, KNOWN[0]) == ""


def test_a_rollback_says_its_way_back(rolled: None) -> None:
    done = CliRunner().invoke(app, ["rollback", "--model", MODEL])
    assert done.exit_code == 0, done.output
    assert " ".join(done.stdout.split()).endswith(BACK)


def test_a_rollback_to_a_version_that_verification_rejects_says_it_too(
    rolled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any) -> ModelVersion:
        raise CliError("Version 1 is not live: golden rows predict otherwise.", "See: mlops model 1.")

    monkeypatch.setattr(lifecycle, "wait_until_live", refused)
    done = CliRunner().invoke(app, ["rollback", "--model", MODEL])
    assert done.exit_code == 1
    assert " ".join(done.output.split()).endswith(f"See: mlops model 1. {BACK}")
