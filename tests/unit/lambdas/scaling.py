"""What Application Auto Scaling is asked, and answers, of scalable targets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from botocore.stub import Stubber

TARGET_ARN = "arn:aws:application-autoscaling:eu-west-1:111122223333:scalable-target/0ec5"


def expect_targets(autoscaling: Stubber, asked: Mapping[str, str], *found: Mapping[str, str]) -> None:
    """A look for the target that `asked` names; `found`: what is there."""
    request = {
        "ServiceNamespace": asked["ServiceNamespace"],
        "ResourceIds": [asked["ResourceId"]],
        "ScalableDimension": asked["ScalableDimension"],
    }
    facts = {
        "ScalableTargetARN": TARGET_ARN,
        "MinCapacity": 1,
        "MaxCapacity": 2,
        "RoleARN": "arn:aws:iam::111122223333:role/scaling",
        "CreationTime": datetime(2026, 1, 1, tzinfo=UTC),
    }
    answer = {"ScalableTargets": [{**target, **facts} for target in found]}
    autoscaling.add_response("describe_scalable_targets", answer, request)
