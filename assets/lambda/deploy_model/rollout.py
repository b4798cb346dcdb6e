"""An endpoint on its way to a deployment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from deploy_model.clients import autoscaling, cloudwatch, s3, sagemaker
from deploy_model.logic import Deployment
from tracking import scaling
from tracking.faults import Fault, is_unreadable, refusal
from tracking.resources import ensure, found, is_gone


class EndpointBusyError(Exception):
    """The endpoint is changing. SQS delivers the event again until it is free."""


class RefusedError(Exception):
    """The deployment cannot be made now; `fault` says whose fault that is."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.reason)
        self.fault = fault


def config_of(endpoint: Mapping[str, Any]) -> str:
    """The configuration that the endpoint has, or is changing to."""
    pending = endpoint.get("PendingDeploymentSummary", {})
    return str(pending.get("EndpointConfigName", endpoint["EndpointConfigName"]))


def check_free(endpoint: Mapping[str, Any] | None, model: str) -> None:
    """Raises EndpointBusyError for one that is changing, also when it is removed here because it failed."""
    if endpoint is None or endpoint["EndpointStatus"] == "InService":
        return
    name, status = endpoint["EndpointName"], endpoint["EndpointStatus"]
    if status == "Failed":
        # It answers nobody, and SageMaker lets it be deleted only.
        scaling.stop(autoscaling, name)
        sagemaker.delete_endpoint(EndpointName=name)
        raise EndpointBusyError(f"Endpoint {name} failed and is removed, to be made anew.")
    if status == "UpdateRollbackFailed":
        # It may answer still, from two versions.
        reason = endpoint.get("FailureReason", "no reason given")
        words = f"Endpoint {name} is UpdateRollbackFailed: run mlops stop {model} and mlops deploy {model}. {reason}"
        raise RefusedError(Fault("environment", words))
    raise EndpointBusyError(f"Endpoint {name} is {status}.")


def live_variant(endpoint: Mapping[str, Any]) -> dict[str, Any]:
    """{} where somebody deleted the configuration of the endpoint, which goes on all the same."""
    config = found(sagemaker.describe_endpoint_config, EndpointConfigName=endpoint["EndpointConfigName"])
    if config is None:
        return {}
    (variant,) = config["ProductionVariants"]
    live: dict[str, Any] = variant
    return live


def check_mode(deployment: Deployment, current: Mapping[str, Any]) -> None:
    """SageMaker does not make an endpoint on instances serverless: it would have to go first, and answer nobody."""
    if "InstanceType" in current and deployment.instance_type is None:
        raise RefusedError(
            Fault(
                "environment",
                f"Endpoint {deployment.endpoint} has instances and SageMaker cannot make it serverless. Run mlops stop "
                f"{deployment.model} and mlops deploy {deployment.model}: requests are refused in between. Or keep "
                "mode = realtime.",
            )
        )


def alarms_on(deployment: Deployment, current: Mapping[str, Any]) -> list[str]:
    """Of the alarms that would roll this update back, those that are on before it begins."""
    names = deployment.alarms(current)
    if not names:
        return []
    found_on = cloudwatch.describe_alarms(AlarmNames=list(names), StateValue="ALARM")
    return [alarm["AlarmName"] for alarm in found_on["MetricAlarms"]]


def prepare(deployment: Deployment) -> None:
    """The model and its configuration, unless another delivery made them before or makes them now.

    Raises RefusedError.
    """
    try:
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
    except ClientError as error:
        raise refused(error, deployment) from error


def deploy(
    deployment: Deployment,
    endpoint: Mapping[str, Any] | None,
    current: Mapping[str, Any] | None = None,
    *,
    watched: bool = True,
) -> None:
    """Begin it, unless another delivery has. `current`: the variant that is live. `watched`: alarms may roll it back.

    Raises EndpointBusyError while the endpoint changes to something else, RefusedError.
    """
    try:
        change(deployment, endpoint, current or {}, watched=watched)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationException":
            meanwhile = found(sagemaker.describe_endpoint, EndpointName=deployment.endpoint)
            if meanwhile and config_of(meanwhile) == deployment.name:
                return
            check_free(meanwhile, deployment.model)
        raise refused(error, deployment) from error


def change(
    deployment: Deployment, endpoint: Mapping[str, Any] | None, current: Mapping[str, Any], *, watched: bool
) -> None:
    if endpoint is None:
        names = {"EndpointName": deployment.endpoint, "EndpointConfigName": deployment.name}
        sagemaker.create_endpoint(**names, Tags=deployment.tags)
        return
    if "InstanceType" in current and current["InstanceType"] != deployment.instance_type:
        # SageMaker refuses to change what is scaled. verify_deployment scales the endpoint again.
        scaling.stop(autoscaling, deployment.endpoint)
    sagemaker.update_endpoint(**deployment.update_request(current, watched=watched))


def refused(error: ClientError, deployment: Deployment) -> RefusedError:
    own, message = deployment.artifact, error.response["Error"].get("Message", "")
    gone = own is not None and is_unreadable(message) and is_gone(s3, own)
    return RefusedError(refusal(error, own_container=own is not None, artifact_gone=gone))
