"""What an event of the registry says, and whether a version that was stopped or blocked goes on by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from deploy_model.logic import Package
from tracking.states import APPROVED, REJECTED

# Verdicts come within minutes of the end of a change; one that did not come is lost.
LOST = timedelta(minutes=30)
# After each further refusal in a row a blocked version waits twice as long, up to the longest.
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=10), timedelta(hours=1)


@dataclass(frozen=True)
class Cause:
    """Why a model is looked at. `approved` is the version that a decision of this moment approved, None otherwise.

    `rejected`: ARN of the one that it rejected, "" otherwise. `update`: it was decided on, and not registered so.
    `check`: nothing happened, it is looked at from time to time.
    """

    at: datetime
    approved: int | None = None
    rejected: str = ""
    update: bool = False
    check: bool = False


def cause_of(event: Mapping[str, Any]) -> Cause:
    """Of the event of a model package. What is recorded of a version makes one, too, and decides nothing."""
    detail = event["detail"]
    fields = detail.get("UpdatedModelPackageFields")
    decided = fields is None or "ModelApprovalStatus" in fields
    at, status = datetime.fromisoformat(event["time"]), detail.get("ModelApprovalStatus")
    if decided and status == REJECTED:
        return Cause(at, rejected=detail["ModelPackageArn"], update=fields is not None)
    approved = detail["ModelPackageVersion"] if decided and status == APPROVED else None
    return Cause(at, approved, update=fields is not None)


def is_news(package: Package, cause: Cause) -> bool:
    """Whether the version was approved after what was recorded of it: late and doubled events are older than that."""
    if cause.approved != package.version:
        return False
    return not package.recorded or cause.at > datetime.fromisoformat(package.recorded)


def goes_on(package: Package, cause: Cause) -> bool:
    """Whether this is the moment to bring the version to its endpoint, if it is not there.

    A stopped or blocked one waits for an approval that is newer, a blocked one also for the check whose turn it is.
    A check leaves alone what is as it should be, and a change that may be under way.
    """
    if package.state in ("stopped", "blocked") and is_news(package, cause):
        return True
    if package.state == "stopped":
        return False
    if package.state == "blocked":
        return cause.check and _passed(package, cause, wait(package.attempts))
    if cause.check and package.state == "requested":
        return _passed(package, cause, LOST)
    return not cause.check or package.state != "deployed"


def _passed(package: Package, cause: Cause, time: timedelta) -> bool:
    return not package.recorded or cause.at >= datetime.fromisoformat(package.recorded) + time


def wait(attempts: int) -> timedelta:
    """Before the next attempt, after so many refusals in a row."""
    if attempts < 2:
        return timedelta()
    doubled: int = 2 ** min(attempts - 2, 10)
    return min(FIRST_WAIT * doubled, LONGEST_WAIT)
