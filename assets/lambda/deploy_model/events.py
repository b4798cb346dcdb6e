"""What an event of the registry says, and whether a version that was stopped or blocked goes on by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from logic import Package

from tracking.states import APPROVED

# After each further refusal in a row a blocked version waits twice as long, up to the longest.
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=10), timedelta(hours=1)


@dataclass(frozen=True)
class Cause:
    """Why a model is looked at. `approved` is the version that a decision of this moment approved, None otherwise.

    `check`: nothing happened, it is looked at from time to time.
    """

    at: datetime
    approved: int | None = None
    check: bool = False


def cause_of(event: Mapping[str, Any]) -> Cause:
    """Of the event of a model package. What is recorded of a version makes one, too, and decides nothing."""
    detail = event["detail"]
    decided = "ModelApprovalStatus" in detail.get("UpdatedModelPackageFields", ["ModelApprovalStatus"])
    approved = decided and detail.get("ModelApprovalStatus") == APPROVED
    return Cause(datetime.fromisoformat(event["time"]), detail["ModelPackageVersion"] if approved else None)


def goes_on(package: Package, cause: Cause) -> bool:
    """A stopped version waits for an approval that is newer. A blocked one for that, or for the check whose turn it is.

    Late and doubled events are older than what was recorded since.
    """
    if package.state not in ("stopped", "blocked"):
        return True
    since = datetime.fromisoformat(package.recorded)
    if cause.approved == package.version and cause.at > since:
        return True
    return package.state == "blocked" and cause.check and cause.at >= since + wait(package.attempts)


def wait(attempts: int) -> timedelta:
    """Before the next attempt, after so many refusals in a row."""
    if attempts < 2:
        return timedelta()
    return min(FIRST_WAIT * 2 ** min(attempts - 2, 10), LONGEST_WAIT)
