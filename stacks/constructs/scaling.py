"""What a function needs to scale the instances of endpoints."""

from collections.abc import Sequence

from aws_cdk import ArnFormat, Stack
from aws_cdk.aws_iam import IRole

from stacks.constructs.access import grant

_NUMBERED = "A scalable target is numbered when it is registered."
# Made by AWS for the account when the first endpoint is scaled.
_SERVICE = "sagemaker.application-autoscaling.amazonaws.com"
_ROLE = f"role/aws-service-role/{_SERVICE}/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"


def grant_scaling(role: IRole, endpoints: Sequence[str]) -> None:
    """Application Auto Scaling asks for the endpoint's and the alarms' permissions of whom it works for."""
    stack = Stack.of(role)
    verbs = ("RegisterScalableTarget", "PutScalingPolicy", "DeregisterScalableTarget")
    _grant_targets(role, verbs)
    arns = [stack.format_arn(service="sagemaker", resource="endpoint", resource_name=name) for name in endpoints]
    grant(role, ["sagemaker:DescribeEndpoint", "sagemaker:UpdateEndpointWeightsAndCapacities"], arns)
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


def grant_no_more_scaling(role: IRole) -> None:
    _grant_targets(role, ("DeregisterScalableTarget",))


def _grant_targets(role: IRole, verbs: Sequence[str]) -> None:
    targets = Stack.of(role).format_arn(
        service="application-autoscaling", resource="scalable-target", resource_name="*"
    )
    grant(
        role,
        [f"application-autoscaling:{verb}" for verb in verbs],
        [targets],
        because=_NUMBERED,
        only_if={"StringEquals": {"application-autoscaling:service-namespace": "sagemaker"}},
    )
