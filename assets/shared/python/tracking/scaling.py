"""What Application Auto Scaling knows of an endpoint."""

from __future__ import annotations

from typing import Any

# The same in every endpoint configuration: guardrails, alarms and scaling know a variant by its name.
VARIANT = "AllTraffic"
SERVICE = "sagemaker"


def target(endpoint: str) -> dict[str, str]:
    """The number of instances of the endpoint, as its requests name it."""
    return {
        "ServiceNamespace": SERVICE,
        "ResourceId": f"endpoint/{endpoint}/variant/{VARIANT}",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }


def find(autoscaling: Any, endpoint: str) -> str | None:
    """ARN of the scalable target; None when the endpoint's instances are not scaled."""
    wanted = target(endpoint)
    found = autoscaling.describe_scalable_targets(
        ServiceNamespace=SERVICE,
        ResourceIds=[wanted["ResourceId"]],
        ScalableDimension=wanted["ScalableDimension"],
    )["ScalableTargets"]
    return str(found[0]["ScalableTargetARN"]) if found else None


def stop(autoscaling: Any, endpoint: str) -> bool:
    """Leave the endpoint's instances as they are. False when they were not scaled.

    Asked for first: functions may touch targets with their environment's tag alone, and what is not there has no tag.
    """
    if find(autoscaling, endpoint) is None:
        return False
    autoscaling.deregister_scalable_target(**target(endpoint))
    return True
