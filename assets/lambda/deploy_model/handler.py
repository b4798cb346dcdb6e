"""Bring each model's endpoint to the newest approved version in the registry."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError
from clients import s3, sagemaker
from logic import OwnEndpoint, Package
from registry import package_of, refuse, request, supersede, withdraw
from rollout import EndpointBusyError, check_free, config_of, deploy, prepare
from settings import SETTINGS
from shared import share

from contract import Contract, bundled
from tracking import lines
from tracking.artifacts import ChangedArtifactError, check
from tracking.place import resource_name
from tracking.resources import found
from tracking.versions import newest_approved

log = lines.logger("deploy_model")

CONTRACTS = {resource_name(SETTINGS.resource_prefix, name): contract for name, contract in bundled().items()}


class UnknownGroupError(Exception):
    """An event of a model package group that no model of this bundle has."""


@lines.invocation(log)
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """The queue delivers one event at a time: an exception makes SQS deliver it again, and so does a busy endpoint.

    To wait for an endpoint is no error: the answer names the messages that have to.
    """
    waiting = []
    for message in event["Records"]:
        group = json.loads(message["body"])["detail"]["ModelPackageGroupName"]
        if group not in CONTRACTS:
            raise UnknownGroupError(f"No model of this bundle has the model package group {group}.")
        try:
            reconcile(group, CONTRACTS[group])
        except EndpointBusyError as busy:
            log.info("Deployment waits", extra={"model": CONTRACTS[group].name, "reason": str(busy)})
            waiting.append({"itemIdentifier": message["messageId"]})
    return {"batchItemFailures": waiting}


def reconcile(group: str, contract: Contract) -> None:
    """The state of the registry decides, not the event: late, doubled and reordered events end in the same place."""
    described = newest_approved(sagemaker, group)
    if described is None:
        log.info("No approved version", extra={"model": contract.name})
        return
    package = package_of(described)
    lines.about(run_id=package.run_id)
    if SETTINGS.sharing and contract.serving.hosting == "multi-model":
        share(group, contract, package, SETTINGS.sharing)
    else:
        dedicate(group, contract, package)


def dedicate(group: str, contract: Contract, package: Package) -> None:
    """The version behind the endpoint of its model."""
    mode = SETTINGS.serving_mode or contract.serving.mode
    deployment = OwnEndpoint(
        group,
        contract.serving,
        SETTINGS.model_role_arn,
        mode,
        contract=contract,
        package=package,
        vpc_config=SETTINGS.vpc_config,
    )
    facts = {"model": contract.name, "model_version": package.version, "endpoint": group, "config": deployment.name}
    endpoint = found(sagemaker.describe_endpoint, EndpointName=group)
    if endpoint and config_of(endpoint) == deployment.name:
        log.info("Nothing to deploy", extra={**facts, "status": endpoint["EndpointStatus"]})
        supersede(group, package)
        return
    check_free(endpoint)
    try:
        check(s3, package.artifact)
    except ChangedArtifactError as changed:
        refuse(contract.name, package, str(changed))
        log.exception("Version refused", extra=facts)
        return
    except ClientError as error:
        # SageMaker says so, in its own words, when the model is made.
        if error.response["Error"]["Code"] != "404":
            raise
    # First: the endpoint may be there, and verified, before this function goes on. Once: each record is an event that
    # comes here again, and finds the change that is under way.
    ours = package.state != "requested"
    if ours:
        request(package.arn, deployment.name, endpoint)
    try:
        prepare(deployment)
        deploy(deployment, endpoint)
    except EndpointBusyError:
        if ours:
            withdraw(package.arn)
        raise
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationException":
            raise
        # Trying again would not help: the artifact is gone, say, or an alarm that should watch the change.
        # The version before stays live.
        refuse(contract.name, package, error.response["Error"]["Message"])
        log.exception("Version refused", extra=facts)
        return
    log.info("Deployment started", extra=facts)
    supersede(group, package)
