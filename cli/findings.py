"""What `mlops doctor` finds: one line each, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["good", "note", "unknown", "bad"]
MARKS: dict[State, str] = {"good": "ok   ", "note": "note ", "unknown": "?    ", "bad": "BAD  "}


@dataclass(frozen=True)
class Quota:
    """`ask` is what to ask for when `value` is not enough; `url` is where, in the console."""

    service: str
    name: str
    code: str
    value: float
    needed: float
    ask: float
    url: str


@dataclass(frozen=True)
class Finding:
    """`advice` is what to do, "" where nothing is."""

    check: str
    state: State
    told: str
    advice: str = ""
    quota: Quota | None = None


def unread(check: str, what: str, reason: object, permission: str) -> Finding:
    """Something that this identity may not read: no reason to stop."""
    told = f"{what} could not be read: {str(reason).rstrip('.')}"
    return Finding(check, "unknown", told, f"Allow {permission}, or look for yourself.")
