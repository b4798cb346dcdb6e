"""A version behind the multi-model endpoint of the environment."""

from __future__ import annotations

import json
import logging

from botocore.exceptions import ClientError
from clients import functions, s3, sagemaker
from logic import Package, SharedEndpoint
from registry import record, refuse, supersede
from rollout import check_free, config_of, deploy, prepare
from settings import SETTINGS, Sharing

from contract import Contract
from tracking.code import check_code
from tracking.hosting import MODELS, SHARED, read_served, target_of
from tracking.place import resource_name
from tracking.resources import found

GONE = ("NoSuchKey", "NoSuchVersion")
log = logging.getLogger("deploy_model")


def share(group: str, contract: Contract, package: Package, sharing: Sharing) -> None:
    """The version's artifact beside those of the other models; verify_deployment makes requests go to it."""
    facts = {"model": contract.name, "model_version": package.version, "endpoint": SHARED}
    live = read_served(s3, sharing.bucket, contract.name)
    settled = live is not None and live.package == package.arn and package.state == "deployed"
    if not settled:
        try:
            copy(package, contract, sharing)
        except ClientError as error:
            if error.response["Error"]["Code"] not in GONE:
                raise
            refuse(contract.name, package, f"Its artifact {package.artifact.uri} is gone: {error}")
            log.exception("Version refused", extra=facts)
            return
        # Before the endpoint is looked at: one that gets into service from now on finds the request.
        # Once: each record is an event that comes here again, as long as the verification takes.
        if package.state != "requested":
            record(package.arn, "requested", "The multi-model endpoint loads it.")
    try:
        ready = is_in_service(shared_endpoint(contract, sharing))
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationException":
            raise
        refuse(contract.name, package, error.response["Error"]["Message"])
        log.exception("Version refused", extra=facts)
        return
    if ready and not settled:
        detail = {"EndpointName": resource_name(SETTINGS.resource_prefix, SHARED), "ModelPackageGroupName": group}
        payload = json.dumps({"detail": detail}).encode()
        functions.invoke(FunctionName=sharing.verify_function, InvocationType="Event", Payload=payload)
    log.info("Nothing to deploy" if settled else "Deployment started", extra=facts)
    supersede(group, package)


def is_in_service(deployment: SharedEndpoint) -> bool:
    """Whether the endpoint is there as it should be. It is made, or changed, when it is not: an event tells its end."""
    endpoint = found(sagemaker.describe_endpoint, EndpointName=deployment.endpoint)
    if endpoint is None or config_of(endpoint) != deployment.name:
        check_free(endpoint)
        check_code(s3, deployment.code)
        prepare(deployment)
        deploy(deployment, endpoint)
        return False
    if endpoint["EndpointStatus"] in ("Creating", "Updating"):
        return False
    check_free(endpoint)
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
        vpc_config=SETTINGS.vpc_config,
    )


def copy(package: Package, contract: Contract, sharing: Sharing) -> None:
    """Of the bytes that were registered, whatever stands in their place."""
    target = target_of(contract.name, package.version, package.artifact.uri)
    s3.copy_object(Bucket=sharing.bucket, Key=f"{MODELS}{target}", CopySource=package.artifact.pinned)
