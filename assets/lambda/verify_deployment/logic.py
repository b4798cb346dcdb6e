"""What an endpoint does against what it should do, and the verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tracking.faults import failure
from tracking.states import Event, allowed

State = Literal["deployed", "rolled_back", "failed", "blocked"]


@dataclass(frozen=True)
class Version:
    """A version in the model registry. `state` is what was recorded of its deployment, "" before there was one.

    `evaluation_uri` is that of evaluation.json; golden.json lies beside it. `seen` is when the endpoint had changed
    last as its change to this version was requested, "" when there was no endpoint. `verified`: it was live and right
    once. `attempts`: how often in a row the environment refused it. `records`: its evaluation kept all of them.
    """

    arn: str
    number: int
    state: str
    evaluation_uri: str
    artifact: str = ""
    run_id: str = ""
    seen: str = ""
    verified: bool = False
    attempts: int = 0
    records: bool = False


@dataclass(frozen=True)
class Endpoint:
    """An endpoint as it is. `package` is the ARN of the version that answers now. A serverless one has no instances.

    `modified` is when it changed last, in ISO 8601.
    """

    name: str
    status: str
    package: str
    failure: str
    has_instances: bool = False
    modified: str = ""


@dataclass(frozen=True)
class Verdict:
    """What to record of the wanted version."""

    state: State
    reason: str


def decide(wanted: Version, endpoint: Endpoint, *, artifact_gone: bool = False) -> Verdict | None:
    """The verdict that the endpoint's state alone allows, or None: nothing to say yet, or golden rows decide.

    A failed update rolls back and the endpoint is InService again: only its configuration tells.
    """
    if wanted.state != "requested" or is_live(wanted, endpoint):
        return None
    own = endpoint.package == wanted.arn
    if endpoint.status == "Failed":
        return _judge("failed", endpoint, artifact_gone) if own else None
    if endpoint.status == "UpdateRollbackFailed":
        return Verdict("blocked", f"The rollback failed: {endpoint.failure or 'no reason given'}")
    if endpoint.status != "InService" or endpoint.modified == wanted.seen:
        # The change goes on, or is requested and has not begun: this is the end of the one before.
        return None
    return _judge("rolled_back", endpoint, artifact_gone)


def _judge(state: State, endpoint: Endpoint, artifact_gone: bool) -> Verdict:
    fault = failure(endpoint.failure, artifact_gone=artifact_gone)
    return Verdict(state if fault.whose == "version" else "blocked", fault.reason)


def settled(wanted: Version, verdict: Verdict) -> Verdict:
    """What may be recorded. A version that was live and right once did not change: its failure lies elsewhere."""
    if verdict.state in ("failed", "rolled_back") and wanted.verified:
        return Verdict("blocked", f"It was live and right before: {verdict.reason}")
    return verdict


def is_open(wanted: Version) -> bool:
    """Whether a verdict is awaited: not of one that was stopped, blocked or overtaken meanwhile."""
    return allowed(Event.VERIFY, wanted.state)


def is_live(wanted: Version, endpoint: Endpoint) -> bool:
    return endpoint.status == "InService" and endpoint.package == wanted.arn


def compare(golden: Mapping[str, Any], answered: Sequence[float]) -> Verdict:
    """Golden rows: records whose predictions were written down when the model was evaluated."""
    expected, tolerance = golden["predictions"], float(golden["tolerance"])
    if len(answered) != len(expected):
        return Verdict("failed", f"The endpoint gave {len(answered)} predictions for {len(expected)} golden rows.")
    pairs = enumerate(zip(answered, expected, strict=True))
    wrong = [row for row, (ours, theirs) in pairs if not math.isclose(ours, theirs, rel_tol=tolerance)]
    if not wrong:
        return Verdict("deployed", f"{len(expected)} golden rows predict as when the model was evaluated.")
    row = wrong[0]
    return Verdict(
        "failed",
        f"{len(wrong)} of {len(expected)} golden rows predict otherwise than when the model was evaluated; "
        f"row {row}: {answered[row]:.6g}, expected {expected[row]:.6g}.",
    )
