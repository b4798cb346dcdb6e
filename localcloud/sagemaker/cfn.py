"""CloudFormation types: AWS::SageMaker::Pipeline and AWS::SageMaker::ModelPackageGroup."""

from collections.abc import Callable
from typing import Any

from localcloud import platform
from localcloud.ministack import cloudformation
from localcloud.sagemaker import events, pipelines, registry, shapes, tags
from localcloud.sagemaker.faults import invalid
from localcloud.sagemaker.store import STORE

Json = dict[str, Any]
GROUP = "AWS::SageMaker::ModelPackageGroup"
_PIPELINE = frozenset(
    {
        "PipelineName",
        "PipelineDisplayName",
        "PipelineDefinition",
        "PipelineDescription",
        "RoleArn",
        "ParallelismConfiguration",
        "Tags",
    }
)
_GROUP = frozenset({"ModelPackageGroupName", "ModelPackageGroupDescription", "ModelPackageGroupPolicy", "Tags"})


def _known(properties: Json, allowed: frozenset[str]) -> None:
    if unknown := sorted(properties.keys() - allowed):
        raise invalid(f"Encountered unsupported property {', '.join(unknown)}")


def _pipeline_request(properties: Json, name: str) -> Json:
    _known(properties, _PIPELINE)
    body = properties.get("PipelineDefinition", {})
    if "PipelineDefinitionBody" not in body:
        raise invalid(
            "PipelineDefinition needs a PipelineDefinitionBody (an S3 location is not supported by the local SageMaker)"
        )
    request = {key: value for key, value in properties.items() if key != "PipelineDefinition"}
    if "ParallelismConfiguration" in request:
        steps = int(request["ParallelismConfiguration"]["MaxParallelExecutionSteps"])
        request["ParallelismConfiguration"] = {"MaxParallelExecutionSteps": steps}
    return {**request, "PipelineName": name, "PipelineDefinition": body["PipelineDefinitionBody"]}


def _create_pipeline(logical_id: str, properties: Json, stack: str) -> tuple[str, Json]:
    name = properties.get("PipelineName") or cloudformation.physical_name(stack, logical_id, longest=256)
    request = _pipeline_request(properties, name)
    shapes.check_request("CreatePipeline", {**request, "ClientRequestToken": "0" * 32})
    pipelines.create(request)
    return name, {}


def _update_pipeline(physical_id: str, _old: Json, properties: Json, stack: str) -> tuple[str, Json]:
    name = properties.get("PipelineName", physical_id)
    if name != physical_id:
        return _create_pipeline("", properties, stack)
    request = _pipeline_request(properties, name)
    shapes.check_request("UpdatePipeline", {key: value for key, value in request.items() if key != "Tags"})
    pipelines.update(request)
    tags.put(pipelines.find(name)["PipelineArn"], properties.get("Tags", []))
    return name, {}


def _delete_pipeline(physical_id: str, _properties: Json) -> None:
    if physical_id in STORE.pipelines:
        pipelines.delete({"PipelineName": physical_id})


def _create_group(logical_id: str, properties: Json, stack: str) -> tuple[str, Json]:
    _known(properties, _GROUP)
    if "ModelPackageGroupPolicy" in properties:
        raise invalid("ModelPackageGroupPolicy is not supported by the local SageMaker")
    del logical_id, stack  # the name is a required property
    shapes.check_request("CreateModelPackageGroup", properties)
    arn = str(registry.create_group(properties)["ModelPackageGroupArn"])
    return arn, _group_attributes(arn)


def _group_attributes(arn: str) -> Json:
    group = registry.group(arn)
    return {
        "ModelPackageGroupArn": arn,
        "ModelPackageGroupStatus": group["ModelPackageGroupStatus"],
        "CreationTime": events.iso(group["CreationTime"]),
    }


def _update_group(physical_id: str, old: Json, properties: Json, stack: str) -> tuple[str, Json]:
    """Only tags change in place: another name or description makes another group."""
    fixed = ("ModelPackageGroupName", "ModelPackageGroupDescription")
    if any(old.get(key) != properties.get(key) for key in fixed):
        return _create_group("", properties, stack)
    tags.put(physical_id, properties.get("Tags", []))
    return physical_id, _group_attributes(physical_id)


def _delete_group(physical_id: str, _properties: Json) -> None:
    if physical_id.rpartition("/")[2] in STORE.groups:
        registry.delete_group({"ModelPackageGroupName": physical_id})


def _import_group(identifier: Json) -> tuple[str, Json]:
    """A group is known to CloudFormation by its ARN, which no template can hold: it is imported by a request alone."""
    arn = identifier["ModelPackageGroupArn"]
    return arn, _group_attributes(arn)


def _group_problem(arn: str) -> str | None:
    """Why no group can be imported by this ARN, None when one can."""
    try:
        found = registry.group(arn)["ModelPackageGroupArn"]
    except platform.OperationError:
        found = ""
    return (
        None
        if found == arn
        else f"Resource of type 'AWS::SageMaker::ModelPackageGroup' with identifier '{arn}' was not found."
    )


def _speaking(function: Any) -> Callable[..., Any]:
    """CloudFormation shows str(error) as the reason of a failed resource."""

    def handle(*args: Any) -> Any:
        try:
            return function(*args)
        except platform.OperationError as error:
            raise ValueError(
                f"{error.message} (Service: SageMaker, Status Code: {error.status}, {error.code})"
            ) from error

    return handle


def install() -> None:
    types = {
        "AWS::SageMaker::Pipeline": {
            "create": _create_pipeline,
            "update": _update_pipeline,
            "delete": _delete_pipeline,
        },
        GROUP: {"create": _create_group, "update": _update_group, "delete": _delete_group, "import": _import_group},
    }
    for name, functions in types.items():
        cloudformation.register_type(name, **{verb: _speaking(function) for verb, function in functions.items()})
    cloudformation.allow_import(GROUP, "ModelPackageGroupArn", _group_problem)
