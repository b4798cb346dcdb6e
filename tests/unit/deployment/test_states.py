"""docs/versions.md says what the module does: states, what is shown, events and who writes them."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from tracking.states import APPROVED, CHANGES, PENDING, REJECTED, Change, Event, Facts, State, allowed, state_of

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "versions.md").read_text()


def table(first: str) -> list[list[str]]:
    """The rows of the table whose first column has this title."""
    lines = PAGE[PAGE.index(f"| {first} |") :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


ROWS = table("shown")


def facts_of(row: list[str]) -> Facts:
    _, approval, recorded, answers, others, *_ = row
    return Facts(
        approval,
        recorded,
        live=answers == "yes",
        wanted=others == "newest",
        answered=answers == "yes" or others == "another answers",
        successor=others in ("newest", "another is approved"),
    )


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0].strip("`"))
def test_what_the_page_says_is_shown_is_shown(row: list[str]) -> None:
    assert f"`{state_of(facts_of(row))}`" == row[0]
    assert row[-1], "a way out"


def test_the_page_has_every_state() -> None:
    assert sorted(row[0].strip("`") for row in ROWS) == sorted(State)


def test_every_version_is_in_a_state() -> None:
    records = [
        "",
        "requested",
        "blocked",
        "deployed",
        "failed",
        "rolled_back",
        "superseded",
        "stopped",
        "outdated",
        "of an older app",
    ]
    flags = list(itertools.product([False, True], repeat=4))
    found = {
        state_of(Facts(approval, recorded, live=a, wanted=b, answered=c, successor=d))
        for approval in (PENDING, APPROVED, REJECTED)
        for recorded in records
        for a, b, c, d in flags
    }
    assert found == set(State)


def written(change: Change) -> list[str]:
    before = sorted(item or "-" for item in change.before) if change.before is not None else []
    recorded = "" if change.recorded is None else change.recorded or "-"
    return [change.writer, change.approval or "", recorded, ", ".join(before)]


def test_the_page_has_every_event_and_its_writer() -> None:
    assert {row[0]: row[1:] for row in table("event")} == {
        str(event): written(change) for event, change in CHANGES.items()
    }


def test_a_verdict_is_not_written_of_a_version_that_was_stopped_or_judged() -> None:
    for event in (Event.VERIFY, Event.FAIL, Event.ROLL_BACK):
        assert not [state for state in ("stopped", "deployed", "failed", "superseded") if allowed(event, state)]


def test_the_only_faults_that_reject_are_those_of_the_version() -> None:
    """And an approval of the gate alone that rests on another champion."""
    rejecting = {event for event, change in CHANGES.items() if change.approval == REJECTED}
    assert rejecting == {Event.REJECT, Event.REFUSE, Event.FAIL, Event.ROLL_BACK, Event.OUTDATE}
    assert CHANGES[Event.BLOCK].approval is None


def test_the_commands_of_the_page_are_in_the_text_of_the_states() -> None:
    assert re.findall(r"^mlops (\w+) MODEL", PAGE, re.MULTILINE) == ["stop", "deploy"]
