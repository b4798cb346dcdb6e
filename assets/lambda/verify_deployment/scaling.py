"""Automatic scaling of a real-time endpoint, as its contract says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contract import Serving
from tracking.scaling import find, stop, target

POLICY = "invocations"
# Growing is quick, shrinking slow: an instance takes minutes to start.
SCALE_OUT_SECONDS, SCALE_IN_SECONDS = 60, 300


def follow(autoscaling: Any, endpoint: str, serving: Serving, *, tags: Mapping[str, str]) -> None:
    """The endpoint must be in service, with instances. Safe to repeat; a contract without bounds ends the scaling.

    AWS numbers scalable targets: their `tags` alone tell policies whose they are.
    """
    scaling = serving.scaling
    if scaling is None:
        stop(autoscaling, endpoint)
        return
    bounds = {**target(endpoint), "MinCapacity": scaling.min_instances, "MaxCapacity": scaling.max_instances}
    if (known := find(autoscaling, endpoint)) is None:
        autoscaling.register_scalable_target(**bounds, Tags=dict(tags))
    else:
        # Only a new one takes its tags with it.
        autoscaling.tag_resource(ResourceARN=known, Tags=dict(tags))
        autoscaling.register_scalable_target(**bounds)
    autoscaling.put_scaling_policy(
        **target(endpoint),
        PolicyName=POLICY,
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": float(scaling.invocations_per_instance),
            "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
            "ScaleOutCooldown": SCALE_OUT_SECONDS,
            "ScaleInCooldown": SCALE_IN_SECONDS,
        },
    )
