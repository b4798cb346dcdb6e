"""What a function needs to scale the instances of endpoints.

AWS numbers scalable targets, so that no name scopes them: the tags of the environment do.
"""

from collections.abc import Mapping, Sequence

from aws_cdk import ArnFormat, Stack
from aws_cdk.aws_iam import IRole

from stacks.constructs.access import MANY, UNSCOPED, grant

_NUMBERED = "A scalable target is numbered when it is registered; its tags scope it."
_OF_SAGEMAKER = {"application-autoscaling:service-namespace": "sagemaker"}
# Made by AWS for the account when the first endpoint is scaled.
_SERVICE = "sagemaker.application-autoscaling.amazonaws.com"
_ROLE = f"role/aws-service-role/{_SERVICE}/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"


def grant_scaling(role: IRole, endpoints: Sequence[str], *, tags: Mapping[str, str]) -> None:
    """Application Auto Scaling asks for the endpoint's and the alarms' permissions of whom it works for."""
    stack = Stack.of(role)
    _grant_new_targets(role, tags)
    _grant_targets(role, ("RegisterScalableTarget", "PutScalingPolicy", "DeregisterScalableTarget"), tags)
    arns = [stack.format_arn(service="sagemaker", resource="endpoint", resource_name=name) for name in endpoints]
    grant(role, ["sagemaker:DescribeEndpoint", "sagemaker:UpdateEndpointWeightsAndCapacities"], arns, because=MANY)
    alarms = [
        stack.format_arn(
            service="cloudwatch",
            resource="alarm",
            resource_name=f"TargetTracking-endpoint/{name}/*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        for name in endpoints
    ]
    actions = [f"cloudwatch:{action}" for action in ("PutMetricAlarm", "DescribeAlarms", "DeleteAlarms")]
    grant(role, actions, alarms, because="Application Auto Scaling numbers its alarms.")
    own = stack.format_arn(service="iam", region="", resource=_ROLE)
    grant(role, ["iam:CreateServiceLinkedRole"], [own], only_if={"StringEquals": {"iam:AWSServiceName": _SERVICE}})


def grant_no_more_scaling(role: IRole, *, tags: Mapping[str, str]) -> None:
    _grant_targets(role, ("DeregisterScalableTarget",), tags)


def _grant_new_targets(role: IRole, tags: Mapping[str, str]) -> None:
    """Made with the environment's tags, or given them; never taken from another environment by new tags."""
    wanted = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
    unless_others = {f"aws:ResourceTag/{key}": value for key, value in tags.items()}
    # TagResource knows no namespace.
    for verb, known in (("RegisterScalableTarget", _OF_SAGEMAKER), ("TagResource", {})):
        only_if = {"StringEquals": {**wanted, **known}, "StringEqualsIfExists": unless_others}
        grant(role, [f"application-autoscaling:{verb}"], [_targets(role)], because=_NUMBERED, only_if=only_if)


def _grant_targets(role: IRole, verbs: Sequence[str], tags: Mapping[str, str]) -> None:
    own = {f"aws:ResourceTag/{key}": value for key, value in tags.items()}
    actions = [f"application-autoscaling:{verb}" for verb in verbs]
    only_if = {"StringEquals": {**_OF_SAGEMAKER, **own}}
    grant(role, actions, [_targets(role)], because=_NUMBERED, only_if=only_if)
    grant(role, ["application-autoscaling:DescribeScalableTargets"], ["*"], because=UNSCOPED)


def _targets(role: IRole) -> str:
    return Stack.of(role).format_arn(service="application-autoscaling", resource="scalable-target", resource_name="*")
