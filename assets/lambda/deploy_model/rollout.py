"""An endpoint on its way to a deployment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError
from clients import autoscaling, sagemaker
from logic import Deployment

from tracking import scaling
from tracking.resources import ensure, found


class EndpointBusyError(Exception):
    """The endpoint is changing. SQS delivers the event again until it is free."""


class EndpointBrokenError(Exception):
    """The endpoint failed, and SageMaker only lets it be deleted."""


def config_of(endpoint: Mapping[str, Any]) -> str:
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


def deploy(deployment: Deployment, endpoint: Mapping[str, Any] | None) -> None:
    """Begin it, unless another delivery has.

    Raises EndpointBusyError while the endpoint changes to something else, ClientError for what is refused.
    """
    try:
        change(deployment, endpoint)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationException":
            raise
        meanwhile = found(sagemaker.describe_endpoint, EndpointName=deployment.endpoint)
        if meanwhile and config_of(meanwhile) == deployment.name:
            return
        check_free(meanwhile)
        raise


def change(deployment: Deployment, endpoint: Mapping[str, Any] | None) -> None:
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
