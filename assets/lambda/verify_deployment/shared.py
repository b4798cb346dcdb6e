"""The multi-model endpoint: a version is asked golden rows, and only then do requests go to it."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from botocore.exceptions import ClientError

from contract import Contract
from tracking import lines
from tracking.hosting import SHARED, Served, read_served, target_of, write_served
from tracking.versions import newest_approved
from verify_deployment.clients import autoscaling, s3, sagemaker
from verify_deployment.endpoints import described, version_of
from verify_deployment.golden import check_golden_rows
from verify_deployment.logic import Endpoint, State, Verdict
from verify_deployment.scaling import follow
from verify_deployment.settings import SETTINGS
from verify_deployment.verdicts import alert, record

log = logging.getLogger("verify_deployment")


def verify_all(name: str, groups: Mapping[str, Contract], bucket: str) -> None:
    """After a change of the endpoint. A model that cannot be checked now does not keep the others waiting."""
    endpoint = described(name, shared=True)
    if endpoint is None:
        return
    if endpoint.status == "InService":
        # The contracts agree on what is the endpoint's.
        follow(autoscaling, name, next(iter(groups.values())).serving, tags=SETTINGS.tags)
        if endpoint.failure:
            facts = {"model": SHARED, "state": "rolled_back", "reason": endpoint.failure}
            alert("The multi-model endpoint was rolled back", facts)
    failed: ClientError | None = None
    for group, contract in groups.items():
        lines.about()
        try:
            settle(group, contract, endpoint, bucket)
        except ClientError as error:
            log.exception("Version not verified", extra={"model": contract.name})
            failed = error
    if failed:
        raise failed


def verify_one(name: str, group: str, contract: Contract, bucket: str) -> State | None:
    endpoint = described(name, shared=True)
    return settle(group, contract, endpoint, bucket) if endpoint else None


def settle(group: str, contract: Contract, endpoint: Endpoint, bucket: str) -> State | None:
    """The verdict that was recorded of the newest approved version; None when there is nothing to say (yet)."""
    # Read before the registry: whoever switches on newer knowledge makes the writing below fail.
    before = read_served(s3, bucket, contract.name)
    package = newest_approved(sagemaker, group)
    if package is None:
        return None
    wanted = version_of(package)
    lines.about(run_id=wanted.run_id)
    if wanted.state != "requested":
        return None
    verdict = None
    if endpoint.status == "InService":
        target = target_of(contract.name, wanted.number, wanted.artifact)
        verdict = check_golden_rows(wanted, endpoint.name, target)
        if verdict.state == "deployed":
            write_served(s3, bucket, contract.name, Served(wanted.arn, wanted.number, target), before)
    elif endpoint.status in ("Failed", "UpdateRollbackFailed"):
        # Its image and code are the environment's: no version of any of its models is at fault.
        verdict = Verdict("blocked", f"The multi-model endpoint is {endpoint.status}: {endpoint.failure}")
    return record(contract.name, wanted, verdict) if verdict else None
