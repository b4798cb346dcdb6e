"""Permissions beyond an operation's own: iam:PassRole, tags on creation, an endpoint's configuration."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from localcloud.context import arn, region
from localcloud.iam import event_keys, json_request, sagemaker_resource, scaling_resource
from localcloud.ministack import access, web
from localcloud.roles import role_arn

Handler = Callable[[str, str, dict[str, str], bytes, dict[str, Any]], Awaitable[Any]]


@dataclass(frozen=True)
class Check:
    """One more permission that a request needs."""

    action: str
    resource: str
    context: Mapping[str, str]


_SCALING_SERVICE = "sagemaker.application-autoscaling.amazonaws.com"
_SCALING_ROLE = f"aws-service-role/{_SCALING_SERVICE}/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"

# Service -> the principal that receives the role, and where each operation carries it ("a.b": nested).
_PASSED_ROLES: dict[str, tuple[str, dict[str, str]]] = {
    # It passes no role here, but its callers need permissions of the target's service.
    "application-autoscaling": ("", {}),
    # Nor does it here, but each event of a request is one that its caller may put.
    "events": ("", {}),
    "lambda": (
        "lambda.amazonaws.com",
        {"CreateFunction": "Role", "UpdateFunctionConfiguration": "Role"},
    ),
    "glue": (
        "glue.amazonaws.com",
        {"CreateJob": "Role", "UpdateJob": "JobUpdate.Role", "CreateCrawler": "Role", "UpdateCrawler": "Role"},
    ),
    "sagemaker": (
        "sagemaker.amazonaws.com",
        {
            "CreateAutoMLJobV2": "RoleArn",
            "CreateEndpointConfig": "ExecutionRoleArn",
            "CreateHyperParameterTuningJob": "TrainingJobDefinition.RoleArn",
            "CreateModel": "ExecutionRoleArn",
            "CreatePipeline": "RoleArn",
            "CreateProcessingJob": "RoleArn",
            "CreateTrainingJob": "RoleArn",
            "UpdatePipeline": "RoleArn",
        },
    ),
    "scheduler": ("scheduler.amazonaws.com", {"CreateSchedule": "Target.RoleArn", "UpdateSchedule": "Target.RoleArn"}),
    "states": ("states.amazonaws.com", {"CreateStateMachine": "roleArn", "UpdateStateMachine": "roleArn"}),
}


def further_checks(service: str, action: str, request: Mapping[str, Any]) -> Iterator[Check]:
    """The permissions that AWS asks for besides `action` on its resource."""
    operation = action.partition(":")[2]
    principal, fields = _PASSED_ROLES.get(service, ("", {}))
    role = _field(request, fields[operation]) if operation in fields else None
    if role:
        yield Check("iam:PassRole", role_arn(role), {"iam:PassedToService": principal})
    config = request.get("EndpointConfigName")
    if service == "sagemaker" and operation in ("CreateEndpoint", "UpdateEndpoint") and isinstance(config, str):
        yield Check(action, arn("sagemaker", f"endpoint-config/{config.lower()}"), {})
    if service == "application-autoscaling":
        yield from _scaling_checks(operation, request)
    for entry in (request.get("Entries") or ())[1:] if action == "events:PutEvents" else ():
        bus = str(entry.get("EventBusName") or "default").rpartition("/")[2]
        yield Check(action, arn("events", f"event-bus/{bus}"), event_keys(entry))
    for alarm in _rollback_alarms(request) if service == "sagemaker" else ():
        yield Check("cloudwatch:DescribeAlarms", arn("cloudwatch", f"alarm:{alarm}"), {})
    if service == "sagemaker" and operation.startswith("Create") and request.get("Tags"):
        own = sagemaker_resource(operation, "/", request, arn("sagemaker", "").rstrip(":"))
        yield Check("sagemaker:AddTags", own, {})


def _scaling_checks(operation: str, request: Mapping[str, Any]) -> Iterator[Check]:
    """What Application Auto Scaling validates of its caller: access to the endpoint and to the alarms of policies."""
    resource_id = str(request.get("ResourceId", ""))
    endpoint = "/".join(resource_id.lower().split("/")[:2])
    if operation == "RegisterScalableTarget" and isinstance(tags := request.get("Tags"), Mapping):
        given = {f"aws:RequestTag/{key}": str(value) for key, value in tags.items()}
        made = scaling_resource(operation, request, arn("application-autoscaling", "").rstrip(":"))
        yield Check("application-autoscaling:TagResource", made, given)
    if operation == "RegisterScalableTarget":
        for action in ("sagemaker:DescribeEndpoint", "sagemaker:UpdateEndpointWeightsAndCapacities"):
            yield Check(action, arn("sagemaker", endpoint), {})
        # In an account where nothing was scaled before, as this one is.
        yield Check("iam:CreateServiceLinkedRole", role_arn(_SCALING_ROLE), {"iam:AWSServiceName": _SCALING_SERVICE})
    if operation == "PutScalingPolicy":
        for action in ("cloudwatch:PutMetricAlarm", "cloudwatch:DescribeAlarms", "cloudwatch:DeleteAlarms"):
            yield Check(action, arn("cloudwatch", f"alarm:TargetTracking-{resource_id}-AlarmHigh"), {})


def _rollback_alarms(request: Mapping[str, Any]) -> list[str]:
    """The alarms that an endpoint's deployment watches: AWS reads them with the permissions of its caller."""
    value: Any = request
    for part in ("DeploymentConfig", "AutoRollbackConfiguration", "Alarms"):
        value = value.get(part) if isinstance(value, Mapping) else None
    names = [alarm.get("AlarmName") for alarm in value or () if isinstance(alarm, Mapping)]
    return [name for name in names if isinstance(name, str)]


def _field(request: Mapping[str, Any], path: str) -> str | None:
    value: Any = request
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value if isinstance(value, str) else None


def install() -> None:
    """Wrap the handlers; call it after every service is registered."""
    for service in _PASSED_ROLES:
        if web.has_service(service):
            web.wrap_service(service, partial(_checked, service))


class _Request(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    query: dict[str, Any]


def _checked(service: str, handler: Handler) -> Handler:
    async def handle(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Any:
        request = _Request(method, path, headers, body, query)
        denied = _first_denial(service, request) if method in ("POST", "PUT") else None
        return denied or await handler(*request)

    return handle


def _first_denial(service: str, request: _Request) -> Any:
    action = access.action_of(service, *request)
    for check in further_checks(service, action, json_request(request.body)) if action else ():
        key = web.access_key_of(request.headers, request.query)
        denied = access.evaluate(key, check.action, "iam", region(), resource=check.resource, context=check.context)
        if access.is_denial(denied):
            return access.denied_response(
                service,
                check.action,
                denied.principal_arn,
                "",
                headers=request.headers,
                resource_arn=check.resource,
                explicit_deny=denied.decision == "Deny",
            )
    return None
