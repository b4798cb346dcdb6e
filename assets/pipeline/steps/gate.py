"""Whether a new model becomes a version in the registry, in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from contract import Contract
from steps.champion import Comparison
from steps.wording import amount, one_line

# What SageMaker takes as a model package's description: also no control character, such as a line break.
MAX_REASON = 1024


@dataclass(frozen=True)
class Decision:
    """`reason` describes the version in the registry.

    `approval`: whether the stage decides how a registered version starts, or a person has to approve it in any stage.
    """

    decision: Literal["register", "reject", "unchanged"]
    metric: str
    value: float
    limit: float
    reason: str
    approval: Literal["stage", "person"] = "stage"


def decide(contract: Contract, value: float, comparison: Comparison) -> Decision:
    """`value` is the gate metric on the test rows. The champion counts besides the limit, never instead of it."""
    gate, unit = contract.gate, contract.target.unit
    reached = value >= gate.limit if gate.higher_is_better else value <= gate.limit
    met, missed = ("reaches", "is below") if gate.higher_is_better else ("is within", "is above")
    verb = met if reached else missed
    sentence = f"Test {gate.metric.upper()} {amount(value, unit)} {verb} the limit of {amount(gate.limit, unit)}"
    decision: Literal["register", "reject", "unchanged"] = "register"
    approval: Literal["stage", "person"] = "stage"
    if comparison.verdict == "same":
        decision, reason = "unchanged", f"The model is {comparison.reason}: nothing to register. {sentence}."
    elif not reached:
        decision, reason = "reject", f"{sentence}, so the model is not registered."
    elif comparison.verdict == "worse":
        decision, reason = "reject", f"{sentence}, but {comparison.reason}, so the model is not registered."
    elif comparison.verdict == "incomparable":
        # Nobody knows whether it is worse than what answers now.
        approval, reason = "person", f"{sentence}; a person has to approve it, because {comparison.reason}."
    elif comparison.model_version is None:
        reason = f"{sentence}; {comparison.reason}."
    else:
        reason = f"{sentence}, and {comparison.reason}."
    return Decision(
        decision=decision,
        metric=gate.metric,
        value=value,
        limit=gate.limit,
        reason=one_line(reason, MAX_REASON),
        approval=approval,
    )
