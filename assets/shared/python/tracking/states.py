"""The states of a version: what each means, what is shown of it, what changes it, and who writes that down.

The registry keeps two facts of a version, its approval and `deployment_state`. Which version answers is a third. Who
reads or writes them (deploy_model, verify_deployment, the command line, the page) asks here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

PENDING, APPROVED, REJECTED = "PendingManualApproval", "Approved", "Rejected"

Recorded = Literal["", "requested", "blocked", "deployed", "failed", "rolled_back", "superseded", "stopped", "outdated"]


class State(StrEnum):
    """What a version is, as `mlops models`, the REST API and the page print it."""

    PENDING = "waits for approval"
    WAITING = "waits for its turn"
    REQUESTED = "being deployed"
    VERIFYING = "live, being verified"
    LIVE = "live"
    BLOCKED = "blocked"
    LIVE_BLOCKED = "live, blocked"
    DEPLOYED = "deployed before"
    SUPERSEDED = "superseded"
    STOPPED = "stopped"
    GONE = "endpoint gone"
    FAILED = "failed"
    ROLLED_BACK = "rolled back"
    OUTDATED = "evaluated again"
    REJECTED = "rejected"
    LEAVING = "rejected, serving until the next is live"
    STILL_SERVING = "rejected, still serving, nothing to go back to"


@dataclass(frozen=True)
class Facts:
    """What the registry and the endpoint say of one version.

    `live`: it answers now. `wanted`: it is the newest approved version. `answered`: some version of the model answers.
    `successor`: a version of the model is approved.
    """

    approval: str
    recorded: str = ""
    live: bool = False
    wanted: bool = False
    answered: bool = False
    successor: bool = False


def state_of(facts: Facts) -> State:
    if facts.approval == PENDING:
        return State.PENDING
    if facts.approval == REJECTED:
        return _rejected(facts)
    return _live(facts) if facts.live else _approved(facts)


def _rejected(facts: Facts) -> State:
    if facts.live:
        return State.LEAVING if facts.successor else State.STILL_SERVING
    named = {"failed": State.FAILED, "rolled_back": State.ROLLED_BACK, "outdated": State.OUTDATED}
    return named.get(facts.recorded, State.REJECTED)


def _live(facts: Facts) -> State:
    named = {"requested": State.VERIFYING, "blocked": State.LIVE_BLOCKED, "stopped": State.STOPPED}
    return named.get(facts.recorded, State.LIVE)


def _approved(facts: Facts) -> State:
    if not facts.wanted:
        return {"deployed": State.DEPLOYED, "stopped": State.STOPPED}.get(facts.recorded, State.SUPERSEDED)
    if facts.recorded == "deployed":
        return State.WAITING if facts.answered else State.GONE
    named = {"requested": State.REQUESTED, "blocked": State.BLOCKED, "stopped": State.STOPPED}
    return named.get(facts.recorded, State.WAITING)


class Event(StrEnum):
    """What can happen to a version."""

    APPROVE = "approve"
    REJECT = "reject"
    REQUEST = "request"
    REFUSE = "refused for the version"
    BLOCK = "refused by the environment"
    VERIFY = "verified"
    FAIL = "failed"
    ROLL_BACK = "rolled back"
    OUTDATE = "approved against an earlier champion"
    OVERTAKE = "a newer version is approved"
    STOP = "stop"
    DEPLOY = "deploy"
    LOSE = "endpoint gone"


@dataclass(frozen=True)
class Change:
    """What an event does to the two facts of the registry. None leaves one as it is; `writer` is who does it.

    `before` holds the recorded states in which it may be written: what comes late finds another one, and is nothing.
    """

    writer: str
    approval: str | None = None
    recorded: Recorded | None = None
    before: frozenset[str] | None = None


_PERSON = "a person or the gate (`mlops approve`, `reject`, `rollback`, the console)"
_OPEN = frozenset({"", "blocked", "failed", "rolled_back", "superseded", "deployed", "stopped", "outdated"})

CHANGES: Mapping[Event, Change] = {
    Event.APPROVE: Change(_PERSON, approval=APPROVED),
    Event.REJECT: Change(_PERSON, approval=REJECTED),
    Event.REQUEST: Change("deploy_model", recorded="requested", before=_OPEN),
    Event.REFUSE: Change("deploy_model", REJECTED, "failed", _OPEN | {"requested"}),
    Event.BLOCK: Change("deploy_model, verify_deployment", recorded="blocked", before=_OPEN | {"requested"}),
    Event.VERIFY: Change("verify_deployment", recorded="deployed", before=frozenset({"", "requested"})),
    Event.FAIL: Change("verify_deployment", REJECTED, "failed", frozenset({"", "requested"})),
    Event.ROLL_BACK: Change("verify_deployment", REJECTED, "rolled_back", frozenset({"requested"})),
    Event.OUTDATE: Change("deploy_model", REJECTED, "outdated", frozenset({""})),
    Event.OVERTAKE: Change(
        "deploy_model", recorded="superseded", before=frozenset({"", "requested", "blocked", "stopped", "outdated"})
    ),
    Event.STOP: Change("`mlops stop`", recorded="stopped"),
    Event.DEPLOY: Change("`mlops deploy`", recorded=""),
    Event.LOSE: Change("nobody: it is seen"),
}


def allowed(event: Event, recorded: str) -> bool:
    """Whether the event may still be written of a version of which this is recorded."""
    before = CHANGES[event].before
    return before is None or recorded in before
