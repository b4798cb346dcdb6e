"""Bring each model's endpoint to the newest approved version in the registry."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError
from logic import Deployment, Package

from contract import Contract, bundled
from tracking import scaling
from tracking.place import resource_name
from tracking.versions import MAX_DESCRIPTION, newest_approved

log = logging.getLogger("deploy_model")
log.setLevel(logging.INFO)
logging.getLogger("botocore").setLevel(logging.WARNING)


class UnknownGroupError(Exception):
    """An event of a model package group that no model of this bundle has."""


class EndpointBusyError(Exception):
    """The endpoint is changing. SQS delivers the event again until it is free."""


class EndpointBrokenError(Exception):
    """The endpoint failed, and SageMaker only lets it be deleted."""


@dataclass(frozen=True)
class Settings:
    resource_prefix: str
    model_role_arn: str
    serving_mode: str | None


SETTINGS = Settings(
    resource_prefix=os.environ["RESOURCE_PREFIX"],
    model_role_arn=os.environ["MODEL_ROLE_ARN"],
    serving_mode=os.environ.get("SERVING_MODE"),
)
CONTRACTS = {resource_name(SETTINGS.resource_prefix, name): contract for name, contract in bundled().items()}
sagemaker = boto3.client("sagemaker")
autoscaling = boto3.client("application-autoscaling")


def handler(event: dict[str, Any], _context: object) -> None:
    """The queue delivers one event at a time: an exception makes SQS deliver it again."""
    for record in event["Records"]:
        group = json.loads(record["body"])["detail"]["ModelPackageGroupName"]
        if group not in CONTRACTS:
            raise UnknownGroupError(f"No model of this bundle has the model package group {group}.")
        reconcile(group, CONTRACTS[group])


def reconcile(group: str, contract: Contract) -> None:
    """The state of the registry decides, not the event: late, doubled and reordered events end in the same place."""
    described = newest_approved(sagemaker, group)
    if described is None:
        log.info("No approved version", extra={"model": contract.name})
        return
    package = package_of(described)
    mode = SETTINGS.serving_mode or contract.serving.mode
    deployment = Deployment(contract, package, endpoint=group, role_arn=SETTINGS.model_role_arn, mode=mode)
    facts = {"model": contract.name, "model_version": package.version, "endpoint": group, "config": deployment.name}
    endpoint = found(sagemaker.describe_endpoint, EndpointName=group)
    if endpoint and target_of(endpoint) == deployment.name:
        log.info("Nothing to deploy", extra={**facts, "status": endpoint["EndpointStatus"]})
        supersede(group, package)
        return
    check_free(endpoint)
    # First: the endpoint may be there, and verified, before this function goes on.
    record(package.arn, "requested", f"The endpoint changes to {deployment.name}.")
    try:
        prepare(deployment)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationException":
            raise
        # Trying again would not help: the artifact is gone, say. The version before stays live.
        refuse(package, error.response["Error"]["Message"])
        log.exception("Version refused", extra=facts)
        return
    deploy(deployment, endpoint)
    log.info("Deployment started", extra=facts)
    supersede(group, package)


def package_of(described: Mapping[str, Any]) -> Package:
    metadata = described.get("CustomerMetadataProperties", {})
    (container,) = described["InferenceSpecification"]["Containers"]
    return Package(
        described["ModelPackageArn"],
        described["ModelPackageVersion"],
        metadata.get("run_id", ""),
        environment=container.get("Environment", {}),
    )


def supersede(group: str, newest: Package) -> None:
    """Versions that were approved and overtaken before they were live end in a recorded state too."""
    summaries = sagemaker.list_model_packages(
        ModelPackageGroupName=group, ModelApprovalStatus="Approved", SortBy="CreationTime", SortOrder="Descending"
    )["ModelPackageSummaryList"]
    for summary in summaries:
        if summary["ModelPackageVersion"] >= newest.version:
            continue
        package = sagemaker.describe_model_package(ModelPackageName=summary["ModelPackageArn"])
        if package.get("CustomerMetadataProperties", {}).get("deployment_state", "requested") == "requested":
            record(
                package["ModelPackageArn"], "superseded", f"Version {newest.version} was approved before it was live."
            )


def record(package_arn: str, state: str, reason: str) -> None:
    metadata = {"deployment_state": state, "deployment_reason": reason}
    sagemaker.update_model_package(ModelPackageArn=package_arn, CustomerMetadataProperties=metadata)


def target_of(endpoint: Mapping[str, Any]) -> str:
    """The configuration that the endpoint has, or is changing to."""
    pending = endpoint.get("PendingDeploymentSummary", {})
    return str(pending.get("EndpointConfigName", endpoint["EndpointConfigName"]))


def check_free(endpoint: Mapping[str, Any] | None) -> None:
    if endpoint is None or endpoint["EndpointStatus"] == "InService":
        return
    name, status = endpoint["EndpointName"], endpoint["EndpointStatus"]
    if status in ("Failed", "UpdateRollbackFailed"):
        reason = endpoint.get("FailureReason", "no reason given")
        raise EndpointBrokenError(
            f"Endpoint {name} is {status} ({reason}). Delete it and redrive the dead letter queue."
        )
    raise EndpointBusyError(f"Endpoint {name} is {status}.")


def refuse(package: Package, message: str) -> None:
    sagemaker.update_model_package(
        ModelPackageArn=package.arn,
        ModelApprovalStatus="Rejected",
        ApprovalDescription=f"Not live (failed): {message}"[:MAX_DESCRIPTION],
        CustomerMetadataProperties={
            "deployment_state": "failed",
            "deployment_reason": "SageMaker refused the model: see the description of the approval.",
        },
    )


def prepare(deployment: Deployment) -> None:
    """The model and its configuration, unless another delivery made them before or makes them now."""
    ensure(
        sagemaker.create_model,
        deployment.model_request(),
        lambda: found(sagemaker.describe_model, ModelName=deployment.name),
    )
    ensure(
        sagemaker.create_endpoint_config,
        deployment.config_request(),
        lambda: found(sagemaker.describe_endpoint_config, EndpointConfigName=deployment.name),
    )


def ensure(create: Callable[..., object], request: Mapping[str, Any], exists: Callable[[], object]) -> None:
    if exists():
        return
    try:
        create(**request)
    except ClientError as error:
        # A name that is taken and an artifact that is gone have the same code.
        if error.response["Error"]["Code"] != "ValidationException" or not exists():
            raise


def deploy(deployment: Deployment, endpoint: Mapping[str, Any] | None) -> None:
    if endpoint is None:
        names = {"EndpointName": deployment.endpoint, "EndpointConfigName": deployment.name}
        sagemaker.create_endpoint(**names, Tags=deployment.tags)
        return
    config = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    (current,) = config["ProductionVariants"]
    if "InstanceType" in current and current["InstanceType"] != deployment.instance_type:
        # SageMaker refuses to change what is scaled. verify_deployment scales the endpoint again.
        scaling.stop(autoscaling, deployment.endpoint)
    sagemaker.update_endpoint(**deployment.update_request(current))


def found(describe: Callable[..., dict[str, Any]], **name: str) -> dict[str, Any] | None:
    """SageMaker answers ValidationException ("Could not find ...") for a name that does not exist."""
    try:
        return describe(**name)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationException":
            return None
        raise
