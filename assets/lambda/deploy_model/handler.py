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
CONTRACTS = {SETTINGS.resource_prefix + name.replace("_", "-"): contract for name, contract in bundled().items()}
sagemaker = boto3.client("sagemaker")


def handler(event: dict[str, Any], _context: object) -> None:
    """The queue delivers one event at a time: an exception makes SQS deliver it again."""
    for record in event["Records"]:
        group = json.loads(record["body"])["detail"]["ModelPackageGroupName"]
        if group not in CONTRACTS:
            raise UnknownGroupError(f"No model of this bundle has the model package group {group}.")
        reconcile(group, CONTRACTS[group])


def reconcile(group: str, contract: Contract) -> None:
    """The state of the registry decides, not the event: late, doubled and reordered events end in the same place."""
    package = newest_approved(group)
    if package is None:
        log.info("No approved version", extra={"model": contract.name})
        return
    mode = SETTINGS.serving_mode or contract.serving.mode
    deployment = Deployment(contract, package, endpoint=group, role_arn=SETTINGS.model_role_arn, mode=mode)
    facts = {"model": contract.name, "model_version": package.version, "endpoint": group, "config": deployment.name}
    endpoint = found(sagemaker.describe_endpoint, EndpointName=group)
    if endpoint and target_of(endpoint) == deployment.name:
        log.info("Nothing to deploy", extra={**facts, "status": endpoint["EndpointStatus"]})
        return
    check_free(endpoint)
    deploy(deployment, exists=endpoint is not None)
    log.info("Deployment started", extra=facts)


def newest_approved(group: str) -> Package | None:
    summaries = sagemaker.list_model_packages(
        ModelPackageGroupName=group,
        ModelApprovalStatus="Approved",
        SortBy="CreationTime",
        SortOrder="Descending",
        MaxResults=1,
    )["ModelPackageSummaryList"]
    if not summaries:
        return None
    package = sagemaker.describe_model_package(ModelPackageName=summaries[0]["ModelPackageArn"])
    metadata = package.get("CustomerMetadataProperties", {})
    return Package(package["ModelPackageArn"], package["ModelPackageVersion"], metadata.get("run_id", ""))


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


def deploy(deployment: Deployment, *, exists: bool) -> None:
    if not found(sagemaker.describe_model, ModelName=deployment.name):
        sagemaker.create_model(**deployment.model_request())
    if not found(sagemaker.describe_endpoint_config, EndpointConfigName=deployment.name):
        sagemaker.create_endpoint_config(**deployment.config_request())
    names = {"EndpointName": deployment.endpoint, "EndpointConfigName": deployment.name}
    if exists:
        sagemaker.update_endpoint(**names)
    else:
        sagemaker.create_endpoint(**names, Tags=deployment.tags)


def found(describe: Callable[..., dict[str, Any]], **name: str) -> dict[str, Any] | None:
    """SageMaker answers ValidationException ("Could not find ...") for a name that does not exist."""
    try:
        return describe(**name)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationException":
            return None
        raise
