"""What a deployed contract says otherwise than that of the version that answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from contract.model import Contract
from contract.wording import enumerated

# What a version learns from. The other sections count at once: how it is served, and who may pass the gate.
_LEARNED = ("target", "derived", "data", "outliers", "split", "training")


def changed(live: Contract, deployed: Contract) -> str:
    """What the deployed contract would teach a new version, in words: "adds lot_area and drops rooms"; "" for nothing.

    A feature with another name is one that is dropped and one that is added.
    """
    before, now = live.to_dict(), deployed.to_dict()
    ours, theirs = _table(now, "features"), _table(before, "features")
    parts = [
        _part("adds", [name for name in ours if name not in theirs]),
        _part("drops", [name for name in theirs if name not in ours]),
        _part(
            "changes",
            [
                *(name for name in ours if name in theirs and ours[name] != theirs[name]),
                *(f"[{section}]" for section in _LEARNED if before.get(section) != now.get(section)),
            ],
        ),
    ]
    words = enumerated([part for part in parts if part])
    if not words and list(ours) != list(theirs):
        return "orders the features otherwise"
    return words


def notice(live: Contract, deployed: Contract, *, version: int, trained: datetime) -> str:
    """A sentence for whoever looks at a model whose live version has another contract than the deployed one, or ""."""
    what = changed(live, deployed)
    if not what:
        return ""
    day = f"{trained.day} {trained:%B %Y}"
    return (
        f"Version {version} is live with the contract of {day}; the deployed contract {what}: "
        f"upload data to train a version by it."
    )


def _table(document: Mapping[str, object], name: str) -> Mapping[str, object]:
    found = document.get(name)
    return found if isinstance(found, Mapping) else {}


def _part(verb: str, names: Sequence[str]) -> str:
    return f"{verb} {enumerated(names)}" if names else ""
