"""Verdicts are kept with the version, and people are told of bad ones."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

from clients import cloudwatch, sagemaker, sns
from logic import Verdict, Version
from settings import SETTINGS

from tracking.versions import count_failure, description_value, metadata_value

log = logging.getLogger("verify_deployment")


def record(model: str, wanted: Version, verdict: Verdict) -> None:
    """Into the version's metadata. A version that is not live is rejected: what is approved is what should be live."""
    metadata = {
        "deployment_state": verdict.state,
        "deployment_reason": metadata_value(verdict.reason),
        "deployment_verified_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    update: dict[str, Any] = {"ModelPackageArn": wanted.arn, "CustomerMetadataProperties": metadata}
    facts = {"model": model, "model_version": wanted.number, "state": verdict.state, "reason": verdict.reason}
    if verdict.state != "deployed":
        description = f"Not live ({verdict.state}): {verdict.reason}"
        update |= {"ModelApprovalStatus": "Rejected", "ApprovalDescription": description_value(description)}
        # First: a version that is recorded is not looked at again, and a person who hears of it twice is no harm.
        alert(f"{model} version {wanted.number}: {verdict.state}", facts)
    sagemaker.update_model_package(**update)
    log.info("Deployment recorded", extra=facts)


def alert(subject: str, facts: dict[str, Any]) -> None:
    count_failure(cloudwatch, model=facts["model"], stage=SETTINGS.stage)
    sns.publish(TopicArn=SETTINGS.topic, Subject=subject[:100], Message=json.dumps({**facts, "stage": SETTINGS.stage}))
