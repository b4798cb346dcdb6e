"""Scalable targets and policies of endpoint variants."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.unit.localcloud.sagemaker.support import INSTANCE, allow, as_role, settled

TARGET = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/scaled/variant/AllTraffic",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}
TRACKING = {
    "TargetValue": 70.0,
    "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
}


@pytest.fixture(scope="module")
def scaling(cloud: Any, sagemaker: Any, config: Callable[..., str]) -> Any:
    sagemaker.create_endpoint(EndpointName="scaled", EndpointConfigName=config("scaled", **INSTANCE))
    assert settled(sagemaker, "scaled")["EndpointStatus"] == "InService"
    return cloud.client("application-autoscaling")


def test_a_target_and_its_policy_are_kept_until_it_is_deregistered(scaling: Any) -> None:
    with pytest.raises(ClientError, match=r"ObjectNotFoundException.*No scalable target registered"):
        scaling.put_scaling_policy(**TARGET, PolicyName="load")
    scaling.register_scalable_target(**TARGET, MinCapacity=1, MaxCapacity=2)
    arn = scaling.register_scalable_target(**TARGET, MaxCapacity=4)["ScalableTargetARN"]
    (target,) = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"], target["ScalableTargetARN"]) == (1, 4, arn)
    scaling.put_scaling_policy(
        **TARGET,
        PolicyName="load",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=TRACKING,
    )
    (policy,) = scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    assert policy["TargetTrackingScalingPolicyConfiguration"] == TRACKING
    scaling.deregister_scalable_target(**TARGET)
    assert scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"] == []
    assert scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"] == []


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"ResourceId": "endpoint/nobody/variant/AllTraffic"}, "Could not find endpoint"),
        ({"ResourceId": "endpoint/scaled/variant/Other"}, "has no variant Other"),
        ({"ResourceId": "service/x"}, "endpoint/<name>/variant/<name> is expected"),
        ({"MinCapacity": 3}, "Minimum capacity must be less than or equal to maximum"),
        ({"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"}, "is not supported by the local"),
    ],
)
def test_what_is_no_target(scaling: Any, members: dict[str, Any], reason: str) -> None:
    with pytest.raises(ClientError, match=reason):
        scaling.register_scalable_target(**{**TARGET, "MinCapacity": 1, "MaxCapacity": 2, **members})


def test_a_scaled_variant_keeps_its_instance_type(scaling: Any, sagemaker: Any, config: Callable[..., str]) -> None:
    scaling.register_scalable_target(**TARGET, MinCapacity=1, MaxCapacity=2)
    other = config("scaled-other", InstanceType="ml.c5.large", InitialInstanceCount=1)
    with pytest.raises(ClientError, match="must be deregistered as scalable targets"):
        sagemaker.update_endpoint(EndpointName="scaled", EndpointConfigName=other)
    scaling.deregister_scalable_target(**TARGET)


def test_a_target_is_tagged_when_it_is_made_or_by_itself(scaling: Any) -> None:
    arn = scaling.register_scalable_target(**TARGET, MinCapacity=1, MaxCapacity=2, Tags={"stage": "dev"})
    with pytest.raises(ClientError, match="is registered already: TagResource adds tags"):
        scaling.register_scalable_target(**TARGET, MinCapacity=1, Tags={"stage": "prod"})
    tagged = {"ResourceARN": arn["ScalableTargetARN"]}
    scaling.tag_resource(**tagged, Tags={"team": "risk"})
    assert scaling.list_tags_for_resource(**tagged)["Tags"] == {"stage": "dev", "team": "risk"}
    scaling.untag_resource(**tagged, TagKeys=["stage"])
    assert scaling.list_tags_for_resource(**tagged)["Tags"] == {"team": "risk"}
    scaling.deregister_scalable_target(**TARGET)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        scaling.list_tags_for_resource(**tagged)


def of_stage(stage: str) -> list[dict[str, Any]]:
    """What a function of one environment may do with scalable targets, which have no names."""
    targets, new = "arn:aws:application-autoscaling:us-east-1:000000000000:scalable-target/*", "StringEqualsIfExists"
    making = allow("application-autoscaling:RegisterScalableTarget application-autoscaling:TagResource", targets)
    using = allow("application-autoscaling:RegisterScalableTarget application-autoscaling:PutScalingPolicy", targets)
    ending = allow("application-autoscaling:DeregisterScalableTarget", targets)
    own = {"StringEquals": {"aws:ResourceTag/stage": stage}}
    tags = {"StringEquals": {"aws:RequestTag/stage": stage}, new: {"aws:ResourceTag/stage": stage}}
    others = "sagemaker:DescribeEndpoint sagemaker:UpdateEndpointWeightsAndCapacities iam:CreateServiceLinkedRole"
    return [
        {**making, "Condition": tags},
        {**using, "Condition": own},
        {**ending, "Condition": own},
        allow(f"{others} cloudwatch:PutMetricAlarm cloudwatch:DescribeAlarms cloudwatch:DeleteAlarms", "*"),
    ]


def test_tags_keep_environments_apart(cloud: Any, scaling: Any) -> None:
    dev, prod = (
        as_role(cloud, f"scaler-of-{stage}", of_stage(stage), "application-autoscaling") for stage in ("dev", "prod")
    )
    bounds = {"MinCapacity": 1, "MaxCapacity": 2}
    for tags in ({}, {"Tags": {"stage": "prod"}}):
        with pytest.raises(ClientError, match="AccessDenied"):
            dev.register_scalable_target(**TARGET, **bounds, **tags)
    arn = dev.register_scalable_target(**TARGET, **bounds, Tags={"stage": "dev"})["ScalableTargetARN"]
    dev.register_scalable_target(**TARGET, MaxCapacity=3)
    for forbidden in (
        lambda: prod.register_scalable_target(**TARGET, MaxCapacity=9),
        lambda: prod.deregister_scalable_target(**TARGET),
        lambda: prod.put_scaling_policy(**TARGET, PolicyName="load"),
        lambda: prod.tag_resource(ResourceARN=arn, Tags={"stage": "prod"}),
    ):
        with pytest.raises(ClientError, match=rf"AccessDenied.* on resource: {arn}"):
            forbidden()
    dev.deregister_scalable_target(**TARGET)
    # What is not there has no tag: a function may not ask for it to be ended.
    with pytest.raises(ClientError, match="AccessDenied"):
        dev.deregister_scalable_target(**TARGET)
    assert scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"] == []


@pytest.mark.usefixtures("scaling")
def test_the_caller_needs_permissions_of_the_endpoint_and_the_alarms(cloud: Any) -> None:
    own = "application-autoscaling:RegisterScalableTarget application-autoscaling:PutScalingPolicy"
    client = as_role(cloud, "scaler", [allow(own, "*")], "application-autoscaling")
    with pytest.raises(ClientError, match=r"sagemaker:DescribeEndpoint on resource: .*:endpoint/scaled"):
        client.register_scalable_target(**TARGET, MinCapacity=1, MaxCapacity=2)
    endpoint = "sagemaker:DescribeEndpoint sagemaker:UpdateEndpointWeightsAndCapacities"
    # A target's own id is made at registration: what policies name are the targets of the account.
    numbered = "arn:aws:application-autoscaling:us-east-1:000000000000:scalable-target/*"
    condition = {"StringEquals": {"application-autoscaling:service-namespace": "sagemaker"}}
    scoped = {**allow(own, numbered), "Condition": condition}
    client = as_role(cloud, "scaler-of-endpoints", [scoped, allow(endpoint, "*")], "application-autoscaling")
    with pytest.raises(
        ClientError, match=r"iam:CreateServiceLinkedRole on resource: .*ForApplicationAutoScaling_SageMakerEndpoint"
    ):
        client.register_scalable_target(**TARGET, MinCapacity=1, MaxCapacity=2)
    with pytest.raises(
        ClientError, match=r"cloudwatch:PutMetricAlarm on resource: .*:alarm:TargetTracking-endpoint/scaled"
    ):
        client.put_scaling_policy(**TARGET, PolicyName="load")
