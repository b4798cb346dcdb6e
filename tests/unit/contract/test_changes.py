"""What a deployed contract says otherwise than a version's, in words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from contract import Contract, contract_of, load
from contract.changes import changed, notice

ROOT = Path(__file__).resolve().parents[3]
LIVE = load(ROOT / "tests" / "data" / "models" / "churn" / "model.toml")
Document = dict[str, Any]


def deployed(change: Callable[[Document], object]) -> Contract:
    document: Document = LIVE.to_dict()
    change(document)
    return contract_of(document)


def renamed(document: Document) -> None:
    document["features"]["age_in_months"] = document["features"].pop("months")


def reordered(document: Document) -> None:
    document["features"] = dict(reversed(document["features"].items()))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda document: None, ""),
        (lambda document: document["features"].update(lot={"type": "number"}), "adds lot"),
        (lambda document: document["features"].pop("calls"), "drops calls"),
        (renamed, "adds age_in_months and drops months"),
        (reordered, "orders the features otherwise"),
        (lambda document: document["features"]["plan"].update(nullable=True), "changes plan"),
        (lambda document: document["split"].update(salt="other"), "changes [split]"),
        (lambda document: document["model"].update(description="Other words"), ""),
        (lambda document: document["serving"].update(memory_mb=4096), ""),
        (lambda document: document["gate"].update(margin=0.5), ""),
    ],
)
def test_what_changed(change: Callable[[Document], object], words: str) -> None:
    assert changed(LIVE, deployed(change)) == words


def test_a_notice_says_what_to_do() -> None:
    found = notice(
        LIVE,
        deployed(lambda document: document["features"].pop("calls")),
        version=3,
        trained=datetime(2026, 5, 12, tzinfo=UTC),
    )
    assert found == (
        "Version 3 is live with the contract of 12 May 2026; the deployed contract drops calls: "
        "upload data to train a version by it."
    )
    assert notice(LIVE, LIVE, version=3, trained=datetime(2026, 5, 12, tzinfo=UTC)) == ""
