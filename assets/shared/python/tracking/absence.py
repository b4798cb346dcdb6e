"""Why no version of a model answers, and what brings one back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tracking.place import Place
from tracking.states import PENDING
from tracking.versions import newest_approved, summaries


def absence(place: Place, model: str) -> str:
    """In sentences for a person; "" for a model that has no version yet."""
    sagemaker, group = place.client("sagemaker"), place.resource_name(model)
    package = newest_approved(sagemaker, group)
    return _of_approved(package, model) if package else _of_none(list(summaries(sagemaker, group)), model)


def _of_approved(package: Mapping[str, Any], model: str) -> str:
    metadata = package.get("CustomerMetadataProperties", {})
    version, state = package["ModelPackageVersion"], metadata.get("deployment_state", "")
    back = f"mlops deploy {model} brings it back."
    if state == "stopped":
        return f"Version {version} is approved, and {model} was stopped: {back}"
    if state == "blocked":
        reason = metadata.get("deployment_reason", "").rstrip(".")
        return f"Version {version} is approved, and cannot be deployed now: {reason}. Once that is mended, {back}"
    if state == "deployed":
        return f"Version {version} was live, and its endpoint is gone: {back}"
    return f"Version {version} is approved and on its way: it answers once its endpoint is there."


def _of_none(known: list[Mapping[str, Any]], model: str) -> str:
    if not known:
        return ""
    waiting = next((item for item in known if item["ModelApprovalStatus"] == PENDING), None)
    if waiting:
        number = waiting["ModelPackageVersion"]
        return f"Version {number} waits for a person's approval: mlops approve {number} --model {model} deploys it."
    number = known[0]["ModelPackageVersion"]
    return f"No version of {model} is approved. Why the newest is not: mlops model {number} --model {model}."
