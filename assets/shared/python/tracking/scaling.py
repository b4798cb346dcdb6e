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


def stop(autoscaling: Any, endpoint: str) -> bool:
    """Leave the endpoint's instances as they are. False when they were not scaled."""
    try:
        autoscaling.deregister_scalable_target(**target(endpoint))
    except autoscaling.exceptions.ObjectNotFoundException:
        return False
    return True
