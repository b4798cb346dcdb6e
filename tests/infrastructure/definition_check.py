"""Offline checks of a pipeline definition: the request shapes of botocore, and where references lead."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import botocore.session
from botocore.validate import ParamValidator

Json = Any

# Step type -> the operation that its arguments are for, and what SageMaker adds to them.
OPERATIONS: Mapping[str, tuple[str, dict[str, str]]] = {
    "Processing": ("CreateProcessingJob", {"ProcessingJobName": "job"}),
    "Training": ("CreateTrainingJob", {"TrainingJobName": "job"}),
    "RegisterModel": ("CreateModelPackage", {}),
}
KEYS = {
    "Processing": {"CacheConfig", "RetryPolicies", "PropertyFiles"},
    "Training": {"CacheConfig", "RetryPolicies"},
    "RegisterModel": {"RetryPolicies"},
    "Lambda": {"FunctionArn", "OutputParameters"},
    "Condition": set(),
    "Fail": set(),
}
REFERENCES = {"Get", "Std:Join", "Std:JsonGet"}
RETRIED = {
    "Step.SERVICE_FAULT",
    "Step.THROTTLING",
    "SageMaker.JOB_INTERNAL_ERROR",
    "SageMaker.CAPACITY_ERROR",
    "SageMaker.RESOURCE_LIMIT",
}


def problems(document: Mapping[str, Json]) -> list[str]:
    """What is wrong with a definition; empty when it is right."""
    steps = list(flatten(document["Steps"]))
    by_name = {step["Name"]: step for step in steps}
    found = [] if document["Version"] == "2020-12-01" else ["Version"]
    found += [] if len(by_name) == len(steps) else ["two steps have one name"]
    for step in steps:
        found += [f"{step['Name']}: {text}" for text in (*_form(step), *_request(step))]
    return found + _references(document, by_name)


def flatten(steps: list[Json]) -> Iterator[Json]:
    for step in steps:
        yield step
        if step["Type"] == "Condition":
            yield from flatten(step["Arguments"]["IfSteps"])
            yield from flatten(step["Arguments"]["ElseSteps"])


def is_reference(value: Json) -> bool:
    return isinstance(value, dict) and len(value) == 1 and next(iter(value)) in REFERENCES


def gets(value: Json) -> Iterator[str]:
    """Every path that a `Get` names, in references of references too."""
    if isinstance(value, dict):
        if list(value) == ["Get"]:
            yield value["Get"]
        for item in value.values():
            yield from gets(item)
    elif isinstance(value, list):
        for item in value:
            yield from gets(item)


def _form(step: Mapping[str, Json]) -> Iterator[str]:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}", step["Name"]):
        yield "name"
    unknown = step.keys() - {"Name", "Type", "Arguments", "DependsOn"} - KEYS[step["Type"]]
    if unknown:
        yield f"unknown keys {sorted(unknown)}"
    for policy in step.get("RetryPolicies", []):
        if not set(policy["ExceptionType"]) <= RETRIED:
            yield f"unknown exception in {policy['ExceptionType']}"
    for file in step.get("PropertyFiles", []):
        if file["OutputName"] not in outputs_of(step):
            yield f"property file of no output {file['OutputName']}"


def _request(step: Mapping[str, Json]) -> Iterator[str]:
    if step["Type"] not in OPERATIONS:
        return
    operation, added = OPERATIONS[step["Type"]]
    model = botocore.session.get_session().get_service_model("sagemaker")
    shape = model.operation_model(operation).input_shape
    report = ParamValidator().validate({**added, **_resolved(step["Arguments"], shape)}, shape)
    if report.has_errors():
        yield report.generate_report()


def _resolved(value: Json, shape: Any) -> Json:
    """References replaced by a value of the type that stands there."""
    if is_reference(value):
        kind = shape.type_name if shape is not None else "string"
        return {"integer": 1, "float": 1.0, "boolean": True}.get(kind, "s3://bucket/reference")
    if isinstance(value, dict):
        members = getattr(shape, "members", None)
        inner = getattr(shape, "value", None)
        return {key: _resolved(item, members.get(key) if members is not None else inner) for key, item in value.items()}
    if isinstance(value, list):
        return [_resolved(item, getattr(shape, "member", None)) for item in value]
    return value


def outputs_of(step: Mapping[str, Json]) -> set[str]:
    outputs = step["Arguments"].get("ProcessingOutputConfig", {}).get("Outputs", [])
    return {output["OutputName"] for output in outputs}


def _references(document: Mapping[str, Json], steps: Mapping[str, Json]) -> list[str]:
    parameters = {parameter["Name"] for parameter in document["Parameters"]}
    paths = list(gets(document["Steps"]))
    found = [f"{path}: leads nowhere" for path in paths if not _leads(path, parameters, steps)]
    used = {path.partition(".")[2] for path in paths if path.startswith("Parameters.")}
    return found + [f"parameter {name} is not used" for name in sorted(parameters - used)]


def _leads(path: str, parameters: set[str], steps: Mapping[str, Json]) -> bool:
    root, _, rest = path.partition(".")
    if root == "Parameters":
        return rest in parameters
    if root == "Execution":
        return rest == "PipelineExecutionId"
    name, _, rest = rest.partition(".")
    if root != "Steps" or name not in steps:
        return False
    step = steps[name]
    if rest == "ModelArtifacts.S3ModelArtifacts":
        return bool(step["Type"] == "Training")
    if step["Type"] == "Lambda":
        return rest in {f"OutputParameters['{output['OutputName']}']" for output in step["OutputParameters"]}
    if rest.startswith("PropertyFiles."):
        return rest.partition(".")[2] in {file["PropertyFileName"] for file in step.get("PropertyFiles", [])}
    output = re.fullmatch(r"ProcessingOutputConfig\.Outputs\['(.+)'\]\.S3Output\.S3Uri", rest)
    return output is not None and output[1] in outputs_of(step)
