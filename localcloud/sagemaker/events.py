"""The state-change events that SageMaker sends to the default bus, with the fields that AWS documents."""

import datetime
import re
from collections.abc import Mapping
from typing import Any

from localcloud import platform
from localcloud.sagemaker.store import STORE

SOURCE = "aws.sagemaker"
Json = dict[str, Any]
_CAPITALS = re.compile(r"(?<=[a-z])(?=[A-Z])")


def iso(moment: float | None) -> str | None:
    """2021-03-15T16:10:10Z"""
    if moment is None:
        return None
    return datetime.datetime.fromtimestamp(moment, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _milliseconds(values: Any) -> Any:
    """A description with its times, also those inside, in milliseconds since the epoch."""
    if isinstance(values, list):
        return [_milliseconds(item) for item in values]
    if not isinstance(values, Mapping):
        return values
    return {
        key: int(value * 1000) if key.endswith("Time") and isinstance(value, (int, float)) else _milliseconds(value)
        for key, value in values.items()
    }


def _present(values: Mapping[str, Any]) -> Json:
    return {key: value for key, value in values.items() if value is not None}


def job_changed(kind: str, description: Mapping[str, Any]) -> None:
    """SageMaker Processing (Training, Transform) Job State Change."""
    arn = description[f"{kind}JobArn"]
    detail = {**_milliseconds(description), "Tags": dict(STORE.tags.get(arn, {}))}
    platform.emit(SOURCE, f"SageMaker {kind} Job State Change", detail, [arn])


def endpoint_changed(description: Mapping[str, Any]) -> None:
    _endpoint_event("SageMaker Endpoint State Change", description)


def deployment_changed(description: Mapping[str, Any]) -> None:
    """A stage of an update; the new fleet is in PendingDeploymentSummary."""
    _endpoint_event("SageMaker Endpoint Deployment State Change", description)


def _endpoint_event(detail_type: str, description: Mapping[str, Any]) -> None:
    arn = description["EndpointArn"]
    status = _CAPITALS.sub("_", description["EndpointStatus"]).upper()
    detail = {**_milliseconds(description), "EndpointStatus": status, "Tags": dict(STORE.tags.get(arn, {}))}
    platform.emit(SOURCE, detail_type, detail, [arn])


def model_changed(arn: str, name: str) -> None:
    platform.emit(SOURCE, "SageMaker Model State Change", {"ModelName": name, "ModelArn": arn}, [arn])


_PACKAGE_FIELDS = (
    "ModelPackageName",
    "ModelPackageGroupName",
    "ModelPackageVersion",
    "ModelPackageArn",
    "ModelPackageDescription",
    "InferenceSpecification",
    "ModelPackageStatus",
    "ModelPackageStatusDetails",
    "CertifyForMarketplace",
    "ModelApprovalStatus",
    "ApprovalDescription",
    "MetadataProperties",
    "ModelMetrics",
    "ModelLifeCycle",
    "CustomerMetadataProperties",
)


def package_changed(package: Mapping[str, Any], updated: list[str]) -> None:
    """SageMaker Model Package State Change; `updated` names the fields of an update."""
    detail = {key: package[key] for key in _PACKAGE_FIELDS if key in package}
    detail["CreationTime"] = iso(package["CreationTime"])
    detail["LastModifiedTime"] = iso(package["LastModifiedTime"])
    if updated:
        detail["UpdatedModelPackageFields"] = updated
    platform.emit(SOURCE, "SageMaker Model Package State Change", detail, [package["ModelPackageArn"]])


def execution_changed(execution: Any, previous: str | None) -> None:
    detail = {
        "pipelineArn": execution.pipeline_arn,
        "pipelineExecutionArn": execution.arn,
        "pipelineExecutionDisplayName": execution.display_name,
        "pipelineExecutionDescription": execution.description,
        "previousPipelineExecutionStatus": previous,
        "currentPipelineExecutionStatus": execution.status,
        "executionStartTime": iso(execution.created),
        "executionEndTime": iso(execution.ended),
    }
    resources = [execution.pipeline_arn, execution.arn]
    platform.emit(SOURCE, "SageMaker Model Building Pipeline Execution Status Change", _present(detail), resources)


def step_changed(execution: Any, step: Any, previous: str | None) -> None:
    cached = {"sourcePipelineExecutionArn": step.cache_source} if step.cache_source else None
    detail = {
        "metadata": _camel(step.metadata),
        "stepStartTime": iso(step.started),
        "stepEndTime": iso(step.ended),
        "stepName": step.name,
        "stepType": step.type,
        "previousStepStatus": previous,
        "currentStepStatus": step.status,
        "failureReason": step.failure,
        "cacheHitResult": cached,
        "pipelineArn": execution.pipeline_arn,
        "pipelineExecutionArn": execution.arn,
    }
    resources = [execution.pipeline_arn, execution.arn]
    platform.emit(SOURCE, "SageMaker Model Building Pipeline Execution Step Status Change", _present(detail), resources)


def _camel(value: Any) -> Any:
    if isinstance(value, dict):
        return {key[0].lower() + key[1:]: _camel(item) for key, item in value.items()}
    return [_camel(item) for item in value] if isinstance(value, list) else value
