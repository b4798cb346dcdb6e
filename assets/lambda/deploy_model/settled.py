"""Versions that a look found nothing to do for.

A group may hold hundreds, each with a call of its own, and most of them will never change. Each is looked at again
before an hour has passed: people, and other instances of this function, write too.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

SECONDS = 50 * 60.0


class Settled:
    """Remembered by ARN and time of registration: a group that was made anew numbers its versions anew."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[datetime, float]] = {}

    def holds(self, summary: Mapping[str, Any]) -> bool:
        created, at = self._known.get(summary["ModelPackageArn"], (None, 0.0))
        return created == summary["CreationTime"] and time.monotonic() < at + SECONDS

    def add(self, summary: Mapping[str, Any]) -> None:
        self._known[summary["ModelPackageArn"]] = summary["CreationTime"], time.monotonic()

    def forget(self, arn: str) -> None:
        """Something is about to happen to the version."""
        self._known.pop(arn, None)


# Of the approved versions those that no newer one has to overtake any more.
OVERTAKEN = Settled()
# Of the rejected versions those that need no evaluation.
EVALUATED = Settled()
