"""Verdicts are kept with the version, and people are told of bad ones."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

from tracking.states import APPROVED, Event, allowed
from tracking.versions import count, description_value, metadata_value
from verify_deployment.clients import cloudwatch, sagemaker, sns
from verify_deployment.logic import State, Verdict, Version, settled
from verify_deployment.settings import SETTINGS

log = logging.getLogger("verify_deployment")

EVENTS: dict[State, Event] = {
    "deployed": Event.VERIFY,
    "failed": Event.FAIL,
    "rolled_back": Event.ROLL_BACK,
    "blocked": Event.BLOCK,
}


def record(model: str, wanted: Version, verdict: Verdict) -> State | None:
    """Into the version's metadata; what was recorded, None when a person decided otherwise meanwhile.

    A version that does not do is rejected: what is approved is what should be live. One that the environment keeps
    from it stays approved, and deploy_model tries again.
    """
    verdict = settled(wanted, verdict)
    facts = {"model": model, "model_version": wanted.number, "state": verdict.state, "reason": verdict.reason}
    described = sagemaker.describe_model_package(ModelPackageName=wanted.arn)
    state = described.get("CustomerMetadataProperties", {}).get("deployment_state", "")
    if described["ModelApprovalStatus"] != APPROVED or not allowed(EVENTS[verdict.state], state):
        log.info("Decided on meanwhile", extra=facts)
        return None
    update = _update(wanted, verdict)
    if verdict.state != "deployed":
        # First: a version that is recorded is not looked at again, and a person who hears of it twice is no harm.
        alert(f"{model} version {wanted.number}: {verdict.state}", facts)
    sagemaker.update_model_package(**update)
    log.info("Deployment recorded", extra=facts)
    return verdict.state


def _update(wanted: Version, verdict: Verdict) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    metadata = {
        "deployment_state": verdict.state,
        "deployment_reason": metadata_value(verdict.reason),
        "deployment_verified_at": now,
        "deployment_recorded_at": now,
    }
    update: dict[str, Any] = {"ModelPackageArn": wanted.arn, "CustomerMetadataProperties": metadata}
    if verdict.state == "blocked":
        metadata["deployment_attempts"] = str(wanted.attempts + 1)
        return update
    if wanted.attempts:
        update["CustomerMetadataPropertiesToRemove"] = ["deployment_attempts"]
    if verdict.state == "deployed":
        metadata["deployment_live_at"] = now
        return update
    description = f"Not live ({verdict.state}): {verdict.reason}"
    return update | {"ModelApprovalStatus": "Rejected", "ApprovalDescription": description_value(description)}


def alert(subject: str, facts: dict[str, Any]) -> None:
    count(cloudwatch, "DeploymentFailures", model=facts["model"], stage=SETTINGS.stage, prefix=SETTINGS.resource_prefix)
    sns.publish(TopicArn=SETTINGS.topic, Subject=subject[:100], Message=json.dumps({**facts, "stage": SETTINGS.stage}))
