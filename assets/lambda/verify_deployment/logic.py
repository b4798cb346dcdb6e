"""What an endpoint does against what it should do, and the verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

State = Literal["deployed", "rolled_back", "failed"]


@dataclass(frozen=True)
class Version:
    """A version in the model registry. `state` is what was recorded of its deployment, "" before there was one.

    `evaluation_uri` is that of evaluation.json; golden.json lies beside it. `seen` is when the endpoint had changed
    last as its change to this version was requested, "" when there was no endpoint.
    """

    arn: str
    number: int
    state: str
    evaluation_uri: str
    artifact: str = ""
    run_id: str = ""
    seen: str = ""


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


def decide(wanted: Version, endpoint: Endpoint) -> Verdict | None:
    """The verdict that the endpoint's state alone allows, or None: nothing to say yet, or golden rows decide.

    A failed update rolls back and the endpoint is InService again: only its configuration tells.
    """
    if endpoint.status == "Failed":
        return Verdict("failed", endpoint.failure or "The endpoint failed.")
    if endpoint.status == "UpdateRollbackFailed":
        return Verdict("failed", f"The rollback failed: {endpoint.failure or 'no reason given'}")
    if is_live(wanted, endpoint) or endpoint.status != "InService" or wanted.state != "requested":
        return None
    if endpoint.modified == wanted.seen:
        # The change is requested and has not begun: this is the end of the one before.
        return None
    return Verdict("rolled_back", endpoint.failure or "SageMaker went back to the version before.")


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
