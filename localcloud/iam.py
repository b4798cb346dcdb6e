"""What MiniStack's permission checks lack: resources and condition keys of some requests, and speaking denials."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from localcloud import calls
from localcloud.ministack import access

Request = Mapping[str, Any]

_VERB = re.compile(r"(Create|Describe|Update|Delete|Stop|Start|Get|Put|Retry|List)(.+)")
_RUNTIME_PATH = re.compile(r"/endpoints/([^/]+)/")

# Operations whose resource is not <verb><Noun> with the field <Noun>Name (AWS service authorization reference).
_SAGEMAKER_FIELDS: dict[str, tuple[str, str]] = {
    "StartPipelineExecution": ("pipeline", "PipelineName"),
    "ListPipelineExecutions": ("pipeline", "PipelineName"),
    "ListPipelineExecutionSteps": ("pipeline", "PipelineExecutionArn"),
    "ListPipelineParametersForExecution": ("pipeline", "PipelineExecutionArn"),
    "DescribePipelineDefinitionForExecution": ("pipeline", "PipelineExecutionArn"),
    "DescribePipelineExecution": ("pipeline", "PipelineExecutionArn"),
    "UpdatePipelineExecution": ("pipeline", "PipelineExecutionArn"),
    "RetryPipelineExecution": ("pipeline", "PipelineExecutionArn"),
    "StopPipelineExecution": ("pipeline", "PipelineExecutionArn"),
    "UpdateEndpointWeightsAndCapacities": ("endpoint", "EndpointName"),
    "GetModelPackageGroupPolicy": ("model-package-group", "ModelPackageGroupName"),
    "PutModelPackageGroupPolicy": ("model-package-group", "ModelPackageGroupName"),
    "DeleteModelPackageGroupPolicy": ("model-package-group", "ModelPackageGroupName"),
    "UpdateModelPackage": ("model-package", "ModelPackageArn"),
    "AddTags": ("", "ResourceArn"),
    "DeleteTags": ("", "ResourceArn"),
    "ListTags": ("", "ResourceArn"),
}

# The version of a package that does not exist yet cannot be named: its group's packages stand for it.
_SAGEMAKER_GROUPS = frozenset({"CreateModelPackage", "ListModelPackages"})

# A scalable target's own id is made when it is registered: policies name all of them.
_SCALING_OPERATION = re.compile(r"(Register|Deregister)ScalableTarget|(Put|Delete)ScalingPolicy")

# Action -> the condition keys that it has, each with the member of the request that gives its value.
_SCALED = {
    "application-autoscaling:service-namespace": "ServiceNamespace",
    "application-autoscaling:scalable-dimension": "ScalableDimension",
}
_CONDITION_KEYS = {
    "cloudwatch:PutMetricData": {"cloudwatch:namespace": "Namespace"},
    "application-autoscaling:RegisterScalableTarget": _SCALED,
    "application-autoscaling:DeregisterScalableTarget": _SCALED,
    "application-autoscaling:PutScalingPolicy": _SCALED,
    "application-autoscaling:DeleteScalingPolicy": _SCALED,
}

# Services that number what they make: a function of the request each, to the ARN of what is there already.
numbered: dict[str, Callable[[Request], str | None]] = {}

_GLUE_KINDS = {"Workflow": "workflow", "Job": "job", "Trigger": "trigger", "Crawler": "crawler"}
_GLUE_OPERATION = re.compile(
    r"(?:BatchGet|BatchStop|Create|Delete|Get|List|Put|Resume|Start|Stop|Update)"
    r"(Workflow|Job|Trigger|Crawler)(?:s|Runs?|RunProperties)?"
)

# Log groups' own operations; all others of the service act on a stream or on the group's data.
_LOG_STREAM_OPERATIONS = frozenset({"CreateLogStream", "DeleteLogStream", "PutLogEvents", "GetLogEvents"})
_LOG_TAG_OPERATIONS = frozenset({"TagResource", "UntagResource", "ListTagsForResource"})


def sagemaker_resource(operation: str, path: str, request: Request, prefix: str) -> str:
    """The ARN that a policy of AWS scopes; `prefix` is arn:aws:sagemaker:<region>:<account>."""
    if found := _RUNTIME_PATH.match(path):
        return f"{prefix}:endpoint/{found[1].lower()}"
    if operation in _SAGEMAKER_GROUPS and "ModelPackageGroupName" in request:
        return f"{prefix}:model-package/{_name(request['ModelPackageGroupName'])}/*"
    kind, field = _SAGEMAKER_FIELDS.get(operation) or _sagemaker_noun(operation)
    value = request.get(field)
    if not isinstance(value, str):
        return "*"
    return value if value.startswith("arn:") else f"{prefix}:{kind}/{value.lower()}"


def _name(name_or_arn: str) -> str:
    return name_or_arn.rpartition("/")[2].lower()


def _sagemaker_noun(operation: str) -> tuple[str, str]:
    """CreateProcessingJob -> ("processing-job", "ProcessingJobName")."""
    found = _VERB.fullmatch(operation)
    if not found or found[1] == "List":
        return "", ""
    kind = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", found[2]).lower()
    return kind, f"{found[2]}Name"


def glue_resource(operation: str, request: Request, prefix: str) -> str | None:
    """The ARN of a workflow, job, trigger or crawler request; None for the catalog's."""
    found = _GLUE_OPERATION.fullmatch(operation)
    if not found:
        return None
    name = request.get("JobName") or request.get("Name") if found[1] == "Job" else request.get("Name")
    return f"{prefix}:{_GLUE_KINDS[found[1]]}/{name}" if name else "*"


def scaling_resource(operation: str, request: Request, prefix: str) -> str:
    """Describe operations know no resource."""
    if "ResourceARN" in request:
        return str(request["ResourceARN"])
    if not _SCALING_OPERATION.fullmatch(operation):
        return "*"
    known = numbered["application-autoscaling"](request)
    return known or f"{prefix}:scalable-target/*"


def logs_resource(operation: str, request: Request, prefix: str) -> str | None:
    """Log resources as AWS evaluates them: policies end in ":*", which the bare group ARN would not match."""
    group = request.get("logGroupName")
    if not group or operation in _LOG_TAG_OPERATIONS:
        return None
    stream = request.get("logStreamName", "") if operation in _LOG_STREAM_OPERATIONS else ""
    return f"{prefix}:log-group:{group}:log-stream:{stream}"


def condition_keys(action: str, request: Request) -> dict[str, str]:
    """The condition keys of a request that its own service defines. Of several events: those of the first."""
    if action == "events:PutEvents":
        return next(map(event_keys, request.get("Entries") or ()), {})
    values = {key: request.get(member) for key, member in _CONDITION_KEYS.get(action, {}).items()}
    return {key: value for key, value in values.items() if isinstance(value, str)}


def event_keys(entry: Request) -> dict[str, str]:
    """The condition keys that an event gives whoever puts it."""
    values = {"events:source": entry.get("Source"), "events:detail-type": entry.get("DetailType")}
    return {key: value for key, value in values.items() if isinstance(value, str)}


def install() -> None:
    access.wrap_resource_of(_with_resources)
    access.wrap_request_tags(_with_conditions)
    access.wrap_denied_response(_speaking)


def _with_resources(known: Callable[..., Any]) -> Callable[..., str]:
    def extract_resource_arn(
        service: str, method: str, path: str, headers: Request, body: bytes, query: Request, region: str, account: str
    ) -> str:
        if service in ("sagemaker", "glue", "logs", "application-autoscaling"):
            operation = str(headers.get("x-amz-target", "")).rpartition(".")[2]
            prefix = f"arn:aws:{service}:{region}:{account}"
            request = json_request(body) if operation else {}
            if service == "sagemaker":
                return sagemaker_resource(operation, path, request, prefix)
            if service == "application-autoscaling":
                return scaling_resource(operation, request, prefix)
            special = glue_resource if service == "glue" else logs_resource
            if found := special(operation, request, prefix):
                return found
        return str(known(service, method, path, headers, body, query, region, account))

    return extract_resource_arn


def _with_conditions(known: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """MiniStack asks each request for its tags before it checks it: the place where a request gives its context."""

    def request_tag_context(service: str, action: str, body: bytes, params: Request) -> dict[str, Any]:
        found: dict[str, Any] = known(service, action, body, params)
        return {**found, **condition_keys(action, json_request(body))}

    return request_tag_context


def json_request(body: bytes) -> dict[str, Any]:
    """The request as an object; {} when it is none (the service itself will say so)."""
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return {}
    return request if isinstance(request, dict) else {}


def _speaking(respond: Callable[..., Any]) -> Callable[..., Any]:
    """Every denial names user, action and resource, as AWS does."""

    def access_denied_response(service: str, action: str, principal_arn: str, request_id: str, **options: Any) -> Any:
        plain = not (options.get("message") or options.get("error_code") or options.get("resource_policy_arn"))
        if plain and principal_arn:
            action, resource = calls.last_denial.get() or (action, options.get("resource_arn", "*"))
            explicit = bool(options.get("explicit_deny"))
            options["resource_arn"] = resource
            options["message"] = access.denial_message(action, principal_arn, resource, explicit=explicit)
        return respond(service, action, principal_arn, request_id, **options)

    return access_denied_response
