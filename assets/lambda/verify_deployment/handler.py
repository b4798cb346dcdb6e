"""Check a changed endpoint against the registry, record the verdict, and take back a version that fails."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.exceptions import ClientError
from logic import Endpoint, Verdict, Version, compare, decide, is_live
from scaling import follow

from contract import bundled
from tracking.place import resource_name
from tracking.versions import MAX_DESCRIPTION, metadata_value, newest_approved, served_package

log = logging.getLogger("verify_deployment")
log.setLevel(logging.INFO)
logging.getLogger("botocore").setLevel(logging.WARNING)

NAMESPACE = "mlops"


@dataclass(frozen=True)
class Settings:
    resource_prefix: str
    stage: str
    topic: str


SETTINGS = Settings(
    resource_prefix=os.environ["RESOURCE_PREFIX"], stage=os.environ["STAGE"], topic=os.environ["ALERTS_TOPIC_ARN"]
)
CONTRACTS = {resource_name(SETTINGS.resource_prefix, name): contract for name, contract in bundled().items()}
sagemaker = boto3.client("sagemaker")
runtime = boto3.client("sagemaker-runtime")
s3 = boto3.client("s3")
sns = boto3.client("sns")
cloudwatch = boto3.client("cloudwatch")
autoscaling = boto3.client("application-autoscaling")


def handler(event: dict[str, Any], _context: object) -> dict[str, str | None]:
    """Raises what AWS answers, so that the asynchronous invocation is tried again and kept at last."""
    name = event["detail"]["EndpointName"]
    if name not in CONTRACTS:
        return {"state": None}
    package, endpoint = newest_approved(sagemaker, name), described(name)
    if package is None or endpoint is None:
        return {"state": None}
    # Whatever becomes of the version: an update may have ended the scaling before SageMaker rolled it back.
    if endpoint.status == "InService" and endpoint.has_instances:
        follow(autoscaling, name, CONTRACTS[name].serving)
    wanted = version_of(package)
    if wanted.state == "deployed":
        return {"state": None}
    verdict = decide(wanted, endpoint)
    if verdict is None and is_live(wanted, endpoint):
        verdict = check_golden_rows(wanted, endpoint)
    if verdict is None:
        log.info("Nothing to verify yet", extra={"endpoint": name, "status": endpoint.status})
        return {"state": None}
    record(name, wanted, verdict)
    return {"state": verdict.state}


def version_of(package: dict[str, Any]) -> Version:
    metadata = package.get("CustomerMetadataProperties", {})
    return Version(
        arn=package["ModelPackageArn"],
        number=package["ModelPackageVersion"],
        state=metadata.get("deployment_state", ""),
        evaluation_uri=metadata.get("evaluation_uri", ""),
    )


def described(name: str) -> Endpoint | None:
    """None when the endpoint was deleted meanwhile."""
    try:
        endpoint = sagemaker.describe_endpoint(EndpointName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationException":
            return None
        raise
    return Endpoint(
        name=name,
        status=endpoint["EndpointStatus"],
        package=served_package(sagemaker, endpoint["EndpointConfigName"]),
        failure=endpoint.get("FailureReason", ""),
        has_instances=any("CurrentInstanceCount" in variant for variant in endpoint.get("ProductionVariants", ())),
    )


def check_golden_rows(wanted: Version, endpoint: Endpoint) -> Verdict:
    golden = read_golden(wanted)
    if golden is None:
        return Verdict("deployed", "The endpoint serves it; no golden rows were kept with this version.")
    try:
        answer = runtime.invoke_endpoint(
            EndpointName=endpoint.name,
            ContentType="application/json",
            Accept="application/json",
            Body=json.dumps({"instances": golden["instances"]}).encode(),
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ModelError":
            raise
        return Verdict("failed", f"The model fails on golden rows: {error.response['Error']['Message']}")
    predictions = json.loads(answer["Body"].read())["predictions"]
    return compare(golden, [float(prediction["value"]) for prediction in predictions])


def read_golden(version: Version) -> dict[str, Any] | None:
    """None for a version that was evaluated before golden rows were kept."""
    bucket, _, evaluation = version.evaluation_uri.removeprefix("s3://").partition("/")
    try:
        body = s3.get_object(Bucket=bucket, Key=f"{evaluation.rpartition('/')[0]}/golden.json")["Body"].read()
    except s3.exceptions.NoSuchKey:
        return None
    golden: dict[str, Any] = json.loads(body)
    return golden


def record(name: str, wanted: Version, verdict: Verdict) -> None:
    """Into the version's metadata. A version that is not live is rejected: what is approved is what should be live."""
    metadata = {
        "deployment_state": verdict.state,
        "deployment_reason": metadata_value(verdict.reason),
        "deployment_verified_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    update: dict[str, Any] = {"ModelPackageArn": wanted.arn, "CustomerMetadataProperties": metadata}
    if verdict.state != "deployed":
        description = f"Not live ({verdict.state}): {verdict.reason}"
        update |= {"ModelApprovalStatus": "Rejected", "ApprovalDescription": description[:MAX_DESCRIPTION]}
    facts = {
        "model": CONTRACTS[name].name,
        "model_version": wanted.number,
        "state": verdict.state,
        "reason": verdict.reason,
    }
    if verdict.state != "deployed":
        # First: a version that is recorded is not looked at again, and a person who hears of it twice is no harm.
        alert(facts)
    sagemaker.update_model_package(**update)
    log.info("Deployment recorded", extra=facts)


def alert(facts: dict[str, Any]) -> None:
    dimensions = [{"Name": "Model", "Value": facts["model"]}, {"Name": "Stage", "Value": SETTINGS.stage}]
    metric = {"MetricName": "DeploymentFailures", "Dimensions": dimensions, "Value": 1.0, "Unit": "Count"}
    cloudwatch.put_metric_data(Namespace=NAMESPACE, MetricData=[metric])
    subject = f"{facts['model']} version {facts['model_version']}: {facts['state']}"
    sns.publish(TopicArn=SETTINGS.topic, Subject=subject[:100], Message=json.dumps({**facts, "stage": SETTINGS.stage}))
