"""Automatic scaling of a real-time endpoint, as its contract says."""

from __future__ import annotations

from typing import Any

from contract import Serving
from tracking.scaling import stop, target

POLICY = "invocations"
# Growing is quick, shrinking slow: an instance takes minutes to start.
SCALE_OUT_SECONDS, SCALE_IN_SECONDS = 60, 300


def follow(autoscaling: Any, endpoint: str, serving: Serving) -> None:
    """The endpoint must be in service, with instances. Safe to repeat; a contract without bounds ends the scaling."""
    scaling = serving.scaling
    if scaling is None:
        stop(autoscaling, endpoint)
        return
    autoscaling.register_scalable_target(
        **target(endpoint), MinCapacity=scaling.min_instances, MaxCapacity=scaling.max_instances
    )
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
