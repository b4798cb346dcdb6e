"""Retry policies of pipeline steps."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

INTERVAL_SECONDS, BACKOFF_RATE, MAX_ATTEMPTS = 1.0, 2.0, 5


def time_scale() -> float:
    """How long a second of a retry interval lasts here."""
    return float(os.environ.get("LOCALCLOUD_TIME_SCALE", "0.01"))


@dataclass
class Policy:
    """One policy with the attempts that it has left."""

    kinds: frozenset[str]
    waits: Iterator[float]


def policies(step: Mapping[str, Any]) -> Sequence[Policy]:
    return [Policy(frozenset(entry["ExceptionType"]), _waits(entry)) for entry in step.get("RetryPolicies", ())]


def _waits(entry: Mapping[str, Any]) -> Iterator[float]:
    """Seconds before each further attempt; ends when MaxAttempts or ExpireAfterMin (of waiting) is reached."""
    interval, waited = float(entry.get("IntervalSeconds", INTERVAL_SECONDS)), 0.0
    limit = float(entry.get("ExpireAfterMin", float("inf"))) * 60
    attempts = entry.get("MaxAttempts", MAX_ATTEMPTS if limit == float("inf") else 10_000)
    for _ in range(attempts):
        waited += interval
        if waited > limit:
            return
        yield interval * time_scale()
        interval *= float(entry.get("BackoffRate", BACKOFF_RATE))


def next_wait(known: Sequence[Policy], kind: str | None) -> float | None:
    """Seconds to wait before another attempt after a failure of this kind; None when there is to be none."""
    for policy in known:
        if kind in policy.kinds:
            return next(policy.waits, None)
    return None
