"""A version behind the endpoint of its model."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from contract import Contract
from deploy_model.clients import functions, s3, sagemaker
from deploy_model.logic import OwnEndpoint, Package
from deploy_model.registry import request, supersede, withdraw
from deploy_model.rollout import (
    EndpointBusyError,
    RefusedError,
    alarms_on,
    check_free,
    check_mode,
    config_of,
    deploy,
    live_variant,
    prepare,
)
from deploy_model.settings import SETTINGS
from tracking.artifacts import ChangedArtifactError, check
from tracking.faults import Fault
from tracking.remains import way_back
from tracking.resources import found

log = logging.getLogger("deploy_model")


def dedicate(group: str, contract: Contract, package: Package, *, back: bool) -> None:
    """`back`: also when its endpoint is gone, by somebody's hand. Raises EndpointBusyError, RefusedError."""
    deployment = OwnEndpoint(
        group,
        contract.serving,
        SETTINGS.model_role_arn,
        SETTINGS.serving_mode or contract.serving.mode,
        contract=contract,
        package=package,
        vpc_config=SETTINGS.vpc_config,
    )
    facts = {"model": contract.name, "model_version": package.version, "endpoint": group, "config": deployment.name}
    endpoint = found(sagemaker.describe_endpoint, EndpointName=group)
    if endpoint is None and not back:
        log.info(f"Endpoint gone: mlops deploy {contract.name} brings it back", extra=facts)
        return
    if endpoint and config_of(endpoint) == deployment.name and not _begins_anew(endpoint, package):
        log.info("Nothing to deploy", extra={**facts, "status": endpoint["EndpointStatus"]})
        supersede(group, package, anew=False)
        return
    check_free(endpoint, deployment.model)
    if endpoint and config_of(endpoint) == deployment.name:
        verify_again(group, package)
    else:
        _begin(deployment, endpoint, package)
    log.info("Deployment started", extra=facts)
    supersede(group, package, anew=True)


def _begins_anew(endpoint: Mapping[str, Any], package: Package) -> bool:
    """The endpoint has the version, and what was recorded of that no longer counts: it was blocked, or asked for anew.

    What is requested is verified when the endpoint's own event comes, and of a failed one that says why.
    """
    settled = endpoint["EndpointStatus"] in ("InService", "Failed", "UpdateRollbackFailed")
    return settled and package.state not in ("requested", "deployed")


def _begin(deployment: OwnEndpoint, endpoint: Mapping[str, Any] | None, package: Package) -> None:
    check_artifact(package)
    current = live_variant(endpoint) if endpoint else None
    watched = True
    if current:
        check_mode(deployment, current)
        watched = is_watched(deployment, current)
    prepare(deployment)
    # First: the endpoint may be there, and verified, before this function goes on. Once: each record is an event that
    # comes here again, and finds the change that is under way.
    ours = package.state != "requested"
    if ours:
        request(package, f"The endpoint changes to {deployment.name}.", endpoint)
    try:
        deploy(deployment, endpoint, current, watched=watched)
    except EndpointBusyError:
        if ours:
            withdraw(package.arn)
        raise


def is_watched(deployment: OwnEndpoint, current: Mapping[str, Any]) -> bool:
    """False for the way back to a version that was right once, from one that has set off alarms.

    Under such an alarm SageMaker would roll any update back, and a new version would be judged by what the old one
    does: it waits. Raises RefusedError.
    """
    on = alarms_on(deployment, current)
    if not on or deployment.package.verified:
        return not on
    words = f"The alarm {' and '.join(on)} is on: SageMaker would roll back an update that begins now. "
    raise RefusedError(Fault("environment", f"{words}It goes on when the alarm is over."))


def check_artifact(package: Package) -> None:
    """Raises RefusedError when what was registered, and so approved, is gone, or other bytes stand there."""
    uri = package.artifact.uri
    try:
        check(s3, package.artifact)
    except ChangedArtifactError as changed:
        raise RefusedError(Fault("version", str(changed))) from changed
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "404":
            words = f"Its artifact {uri} is gone. It is made again by: {way_back(package.run_id)}"
            raise RefusedError(Fault("version", words)) from error
        raise RefusedError(Fault("environment", f"Its artifact {uri} was not read: {code}.")) from error


def verify_again(group: str, package: Package) -> None:
    request(package, "The endpoint has it: it is verified again.")
    payload = json.dumps({"detail": {"EndpointName": group}}).encode()
    functions.invoke(FunctionName=SETTINGS.verify_function, InvocationType="Event", Payload=payload)
