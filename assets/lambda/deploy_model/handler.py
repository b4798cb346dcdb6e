"""Bring each model's endpoint to the newest approved version in the registry."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from contract import Contract, bundled
from deploy_model.clients import cloudwatch, s3, sagemaker, sqs
from deploy_model.dedicated import dedicate
from deploy_model.evaluation import evaluate_again, evaluate_unheard, is_outdated
from deploy_model.events import Cause, cause_of, goes_on, is_news
from deploy_model.logic import Package
from deploy_model.losses import is_full, is_overdue, may_come, verify
from deploy_model.registry import block, package_of, refuse, supersede_one, supersede_unheard
from deploy_model.rollout import EndpointBusyError, RefusedError
from deploy_model.settings import SETTINGS
from deploy_model.shared import share
from tracking import lines
from tracking.faults import Fault
from tracking.hosting import SHARED, read_served
from tracking.losses import count_lost
from tracking.place import resource_name
from tracking.queues import put_back
from tracking.resources import found
from tracking.versions import answers, count, newest_approved

log = lines.logger("deploy_model")

# Attempts that a message may use up by waiting: the queue gives one up after many more.
RENEWED_AFTER = 10
PAUSE_SECONDS = 60

CONTRACTS = {resource_name(SETTINGS.resource_prefix, name): contract for name, contract in bundled().items()}


class UnknownGroupError(Exception):
    """An event of a model package group that no model of this bundle has."""


@lines.invocation(log)
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """The queue delivers one event at a time: an exception makes SQS deliver it again, and so does a busy endpoint.

    To wait for an endpoint is no error: the answer names the messages that have to, and one that waits for long is sent
    anew. At the event of the clock what was blocked is tried again, when its turn comes.
    """
    if event.get("source") == "aws.events":
        check_all()
        return {"batchItemFailures": []}
    waiting = []
    for message in event["Records"]:
        decided = json.loads(message["body"])
        group = decided["detail"]["ModelPackageGroupName"]
        if group not in CONTRACTS:
            raise UnknownGroupError(f"No model of this bundle has the model package group {group}.")
        cause = cause_of(decided)
        if cause.rejected:
            evaluate_again(CONTRACTS[group], cause.rejected)
        try:
            reconcile(group, CONTRACTS[group], cause)
        except EndpointBusyError as busy:
            log.info("Deployment waits", extra={"model": CONTRACTS[group].name, "reason": str(busy)})
            if not renewed(message):
                waiting.append({"itemIdentifier": message["messageId"]})
    return {"batchItemFailures": waiting}


def renewed(message: dict[str, Any]) -> bool:
    """Whether a message was sent anew, as it has been handed out so often that attempts for what fails run low."""
    if int(message.get("attributes", {}).get("ApproximateReceiveCount", 1)) < RENEWED_AFTER:
        return False
    put_back(sqs, SETTINGS.queue, message["body"], seconds=PAUSE_SECONDS)
    return True


def check_all() -> None:
    """Every model that does not do what the registry wants: nobody has to ask for it, and its alarm stays on."""
    failed: ClientError | None = None
    for group, contract in CONTRACTS.items():
        lines.about()
        try:
            cause = Cause(datetime.now(UTC), check=True)
            evaluate_unheard(group, contract, cause)
            reconcile(group, contract, cause)
        except EndpointBusyError as busy:
            log.info("Deployment waits", extra={"model": contract.name, "reason": str(busy)})
        except ClientError as error:
            log.exception("Model not checked", extra={"model": contract.name})
            failed = error
    if failed:
        raise failed


def reconcile(group: str, contract: Contract, cause: Cause) -> None:
    """The state of the registry decides, not the event: late, doubled and reordered events end in the same place."""
    described = newest_approved(sagemaker, group)
    if described is None:
        if not cause.check:
            log.info("No approved version", extra={"model": contract.name})
        tell_rejected(group, contract)
        return
    package = package_of(described)
    lines.about(run_id=package.run_id)
    facts = {"model": contract.name, "model_version": package.version, "state": package.state}
    if cause.approved not in (None, package.version):
        supersede_one(cause.approved, package)
    overdue = is_overdue(group, contract, package, cause)
    if overdue:
        log.warning("An event is late or lost: the check does what should have followed", extra=facts)
        count_lost(cloudwatch, prefix=SETTINGS.resource_prefix, stage=SETTINGS.stage)
    if (goes_on(package, cause) and not may_come(package, cause)) or (overdue and package.state != "requested"):
        if not is_outdated(group, contract, package, cause):
            bring(group, contract, package, cause)
    elif overdue:
        verify(group, contract)
    elif cause.check and package.state == "blocked":
        count_failure(contract)
    elif is_full(cause) and package.state in ("deployed", "stopped"):
        supersede_unheard(group, package)
    elif not cause.check:
        log.info("Version stays as it is", extra=facts)


def count_failure(contract: Contract) -> None:
    """Of a version that is still blocked: its alarm stays on."""
    prefix = SETTINGS.resource_prefix
    count(cloudwatch, "DeploymentFailures", model=contract.name, stage=SETTINGS.stage, prefix=prefix)


def bring(group: str, contract: Contract, package: Package, cause: Cause) -> None:
    """The version to its endpoint."""
    facts = {"model": contract.name, "model_version": package.version, "state": package.state}
    if cause.check and package.state == "requested":
        log.info("Verdict lost, it begins anew", extra=facts)
        package = replace(package, state="")
    back = package.state != "deployed" or is_news(package, cause)
    try:
        if package.flaw:
            raise RefusedError(Fault("version", package.flaw))
        if SETTINGS.sharing and contract.serving.hosting == "multi-model":
            share(group, contract, package, SETTINGS.sharing, back=back)
        else:
            dedicate(group, contract, package, back=back)
    except RefusedError as error:
        whose = error.fault.whose
        keep = refuse if whose == "version" else block
        told = keep(contract.name, package, error.fault.reason)
        log.exception("Version refused" if told else "Version decided on meanwhile", extra={**facts, "whose": whose})


def tell_rejected(group: str, contract: Contract) -> None:
    """Nothing is approved. What answers all the same goes on, rather than nobody: a person is told."""
    if serves(group, contract):
        count(cloudwatch, "RejectedServing", model=contract.name, stage=SETTINGS.stage, prefix=SETTINGS.resource_prefix)


def serves(group: str, contract: Contract) -> bool:
    if SETTINGS.sharing and contract.serving.hosting == "multi-model":
        shared = resource_name(SETTINGS.resource_prefix, SHARED)
        if read_served(s3, SETTINGS.sharing.bucket, contract.name):
            return answers(found(sagemaker.describe_endpoint, EndpointName=shared))
    return answers(found(sagemaker.describe_endpoint, EndpointName=group))
