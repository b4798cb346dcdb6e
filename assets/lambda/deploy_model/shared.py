"""A version behind the multi-model endpoint of the environment."""

from __future__ import annotations

import json
import logging

from botocore.exceptions import ClientError

from contract import Contract
from deploy_model.clients import functions, s3, sagemaker
from deploy_model.logic import Package, SharedEndpoint
from deploy_model.registry import request, supersede
from deploy_model.rollout import RefusedError, check_free, config_of, deploy, prepare
from deploy_model.settings import SETTINGS, Sharing
from tracking.code import ChangedCodeError, MissingCodeError, check_code
from tracking.faults import Fault
from tracking.hosting import MODELS, SHARED, read_served, target_of
from tracking.place import resource_name
from tracking.remains import way_back
from tracking.resources import found

GONE = ("NoSuchKey", "NoSuchVersion")
log = logging.getLogger("deploy_model")


def share(group: str, contract: Contract, package: Package, sharing: Sharing, *, back: bool) -> None:
    """The version's artifact beside those of the other models; verify_deployment makes requests go to it.

    `back`: also when the endpoint, or what says that it serves the model, is gone by somebody's hand. Raises
    EndpointBusyError, RefusedError.
    """
    facts = {"model": contract.name, "model_version": package.version, "endpoint": SHARED}
    live = read_served(s3, sharing.bucket, contract.name)
    deployment = shared_endpoint(contract, sharing)
    if not back and (live is None or found(sagemaker.describe_endpoint, EndpointName=deployment.endpoint) is None):
        log.info(f"Endpoint gone: mlops deploy {contract.name} brings it back", extra=facts)
        return
    settled = live is not None and live.package == package.arn and package.state == "deployed"
    if not settled:
        copy(package, contract, sharing)
        # Before the endpoint is looked at: one that gets into service from now on finds the request.
        # Once: each record is an event that comes here again, as long as the verification takes.
        if package.state != "requested":
            request(package, "The multi-model endpoint loads it.")
    ready = is_in_service(deployment)
    if ready and not settled:
        detail = {"EndpointName": resource_name(SETTINGS.resource_prefix, SHARED), "ModelPackageGroupName": group}
        payload = json.dumps({"detail": detail}).encode()
        functions.invoke(FunctionName=SETTINGS.verify_function, InvocationType="Event", Payload=payload)
    log.info("Nothing to deploy" if settled else "Deployment started", extra=facts)
    supersede(group, package, anew=not settled)


def is_in_service(deployment: SharedEndpoint) -> bool:
    """Whether the endpoint is there as it should be. It is made, or changed, when it is not: an event tells its end."""
    endpoint = found(sagemaker.describe_endpoint, EndpointName=deployment.endpoint)
    if endpoint is None or config_of(endpoint) != deployment.name:
        check_free(endpoint, deployment.model)
        check_served_code(deployment.code)
        prepare(deployment)
        deploy(deployment, endpoint)
        return False
    if endpoint["EndpointStatus"] in ("Creating", "Updating"):
        return False
    check_free(endpoint, deployment.model)
    return True


def shared_endpoint(contract: Contract, sharing: Sharing) -> SharedEndpoint:
    """Any of its models says how: a contract that differs from the others in this is not deployed."""
    return SharedEndpoint(
        resource_name(SETTINGS.resource_prefix, SHARED),
        contract.serving,
        SETTINGS.model_role_arn,
        "realtime",
        image=sharing.image,
        models=f"s3://{sharing.bucket}/{MODELS}",
        code=sharing.code,
        region=sagemaker.meta.region_name,
        wanted_for=contract.name,
        vpc_config=SETTINGS.vpc_config,
    )


def copy(package: Package, contract: Contract, sharing: Sharing) -> None:
    """Of the bytes that were registered, whatever stands in their place. Raises RefusedError."""
    uri = package.artifact.uri
    target = target_of(contract.name, package.version, uri)
    try:
        s3.copy_object(Bucket=sharing.bucket, Key=f"{MODELS}{target}", CopySource=package.artifact.pinned)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in GONE:
            words = f"Its artifact {uri} is gone. It is made again by: {way_back(package.run_id)}"
            raise RefusedError(Fault("version", words)) from error
        raise RefusedError(Fault("environment", f"Its artifact {uri} was not copied: {code}.")) from error


def check_served_code(uri: str) -> None:
    """All models of the endpoint are served by it. Raises RefusedError."""
    try:
        check_code(s3, uri)
    except (ChangedCodeError, MissingCodeError) as changed:
        raise RefusedError(Fault("environment", str(changed))) from changed
    except ClientError as error:
        words = f"The code {uri} was not read: {error.response['Error']['Code']}."
        raise RefusedError(Fault("environment", words)) from error
