"""What a check finds of events that did not arrive: an approval, a rejection, the end of a change, a verification."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from contract import Contract
from deploy_model.clients import functions, s3, sagemaker
from deploy_model.events import Cause
from deploy_model.logic import Package
from deploy_model.settings import SETTINGS
from tracking.hosting import SHARED, read_served
from tracking.place import resource_name
from tracking.resources import found
from tracking.versions import served_package

# Between two checks: one an hour is in its first five minutes.
MINUTES = 5
SETTLED = ("InService", "Failed", "UpdateRollbackFailed")


def is_shared(contract: Contract) -> bool:
    return SETTINGS.sharing is not None and contract.serving.hosting == "multi-model"


def is_overdue(group: str, contract: Contract, package: Package, cause: Cause) -> bool:
    """Whether a check finds the version where an event should have moved it long ago.

    Not while the endpoint changes, nor just after it: what was decided in that time waits for it in the queue.
    """
    if not cause.check or package.state in ("stopped", "blocked"):
        return False
    if package.modified is None or cause.at < package.modified + SETTINGS.late:
        return False
    endpoint = found(sagemaker.describe_endpoint, EndpointName=_endpoint_name(group, contract))
    if endpoint is None:
        return package.state != "deployed"
    idle = endpoint["EndpointStatus"] in SETTLED and cause.at >= endpoint["LastModifiedTime"] + SETTINGS.late
    return idle and (package.state != "deployed" or _answers_otherwise(contract, package, endpoint))


def may_come(package: Package, cause: Cause) -> bool:
    """Whether a check leaves the version to the event of its approval: what it starts itself is told as lost."""
    undecided = package.state not in ("requested", "blocked", "stopped", "deployed")
    return cause.check and undecided and package.modified is not None and cause.at < package.modified + SETTINGS.late


def is_full(cause: Cause) -> bool:
    """Whether the check also looks at versions that are older than the newest approved one: once an hour.

    One that was approved after it, and whose event is lost, was never overtaken as far as anybody knows. There may be
    hundreds, each with a call of its own, and nothing waits for this but the last state of their runs.
    """
    return cause.check and cause.at.minute < MINUTES


def _answers_otherwise(contract: Contract, package: Package, endpoint: Mapping[str, Any]) -> bool:
    """Whether another version of the model answers, although this one was live and is the newest approved one.

    So a rejection leaves it whose event is lost.
    """
    if is_shared(contract):
        assert SETTINGS.sharing is not None
        record = read_served(s3, SETTINGS.sharing.bucket, contract.name)
        served = record.package if record else ""
    else:
        served = served_package(sagemaker, endpoint["EndpointConfigName"])
    return bool(served) and served != package.arn


def verify(group: str, contract: Contract) -> None:
    """Ask for the verdict that the end of a change, or the request for one, should have brought."""
    detail = {"EndpointName": _endpoint_name(group, contract)}
    if is_shared(contract):
        detail["ModelPackageGroupName"] = group
    payload = json.dumps({"detail": detail}).encode()
    functions.invoke(FunctionName=SETTINGS.verify_function, InvocationType="Event", Payload=payload)


def _endpoint_name(group: str, contract: Contract) -> str:
    return resource_name(SETTINGS.resource_prefix, SHARED) if is_shared(contract) else group
