"""Start a batch transform for each file below batch/<model>/, once, with the newest approved version of the model."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from logic import Batch, Package, Refused, Upload, check_size, columns_of, model_request, upload_of

from contract import HEAD_BYTES, Contract, bundled
from tracking.place import resource_name
from tracking.resources import ensure, found
from tracking.versions import newest_approved

log = logging.getLogger("start_batch")
log.setLevel(logging.INFO)
logging.getLogger("botocore").setLevel(logging.WARNING)

# Answers that another time may be other ones: SQS delivers the event again.
PASSING = ("ThrottlingException", "ResourceLimitExceeded", "RequestLimitExceeded", "SlowDown")
# A copy of a large object answers when it is done.
COPY_SECONDS = 280


@dataclass(frozen=True)
class Settings:
    resource_prefix: str
    artifact_bucket: str
    model_role_arn: str
    instance_type: str
    stage: str
    topic: str
    key: str | None
    vpc_config: Mapping[str, Any]


SETTINGS = Settings(
    resource_prefix=os.environ["RESOURCE_PREFIX"],
    artifact_bucket=os.environ["ARTIFACT_BUCKET"],
    model_role_arn=os.environ["MODEL_ROLE_ARN"],
    instance_type=os.environ["INSTANCE_TYPE"],
    stage=os.environ["STAGE"],
    topic=os.environ["ALERTS_TOPIC_ARN"],
    key=os.environ.get("KMS_KEY_ARN"),
    vpc_config=json.loads(os.environ.get("VPC_CONFIG", "{}")),
)
CONTRACTS = bundled()
s3 = boto3.client("s3", config=Config(read_timeout=COPY_SECONDS, retries={"mode": "standard"}))
sagemaker = boto3.client("sagemaker")
sns = boto3.client("sns")


def handler(event: dict[str, Any], _context: object) -> None:
    """The queue delivers one event at a time: an exception makes SQS deliver it again."""
    for record in event["Records"]:
        upload = upload_of(record["body"])
        if upload.is_folder:
            log.info("Folder marker ignored", extra={"key": upload.key})
        elif upload.model not in CONTRACTS:
            reason = f"there is no model {upload.model}; upload below batch/<model>/ ({', '.join(sorted(CONTRACTS))})"
            alert({"key": upload.key, "model": upload.model, "state": "refused", "reason": reason})
        else:
            start(upload, CONTRACTS[upload.model])


def start(upload: Upload, contract: Contract) -> None:
    """Ends with a transform job, or with a recorded reason for none. Raises ClientError for what may pass."""
    resource = resource_name(SETTINGS.resource_prefix, upload.model)
    batch = Batch(upload, resource=resource, bucket=SETTINGS.artifact_bucket)
    if found(sagemaker.describe_transform_job, TransformJobName=batch.job):
        log.info("Batch is started already", extra=batch.facts())
        return
    try:
        transform(batch, contract)
    except Refused as error:
        end(batch, "refused", f"{PurePosixPath(upload.key).name}: {error}")
    except ClientError as error:
        if error.response["Error"]["Code"] in PASSING or error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
            raise
        log.exception("Batch not started", extra=batch.facts())
        end(batch, "failed", f"The transform could not be started: {error}")


def transform(batch: Batch, contract: Contract) -> None:
    """Raises Refused, or the ClientError of the call that failed."""
    upload = batch.upload
    check_size(upload.size)
    columns = columns_of(contract, head_of(upload), size=upload.size)
    described = newest_approved(sagemaker, batch.resource)
    if described is None:
        raise Refused(
            f"no version of {upload.model} is approved yet; train and approve one, then upload the file again"
        )
    package = package_of(described)
    request = model_request(
        package,
        model=upload.model,
        resource=batch.resource,
        role_arn=SETTINGS.model_role_arn,
        vpc_config=SETTINGS.vpc_config,
    )
    # Files that come together have one model.
    ensure(sagemaker.create_model, request, lambda: found(sagemaker.describe_model, ModelName=request["ModelName"]))
    # The job reads what lies below a key, and the newest version of it: so it gets this version at a key of its own.
    s3.copy_object(
        Bucket=batch.bucket,
        Key=batch.input_key,
        CopySource={"Bucket": upload.bucket, "Key": upload.key, "VersionId": upload.version_id},
        TaggingDirective="REPLACE",
    )
    put(f"{batch.folder}/request.json", {**batch.facts(), "model_version": package.version, "columns": columns})
    job = batch.job_request(
        request["ModelName"],
        columns,
        instance=SETTINGS.instance_type,
        version=package.version,
        key=SETTINGS.key,
    )
    try:
        sagemaker.create_transform_job(**job)
    except sagemaker.exceptions.ResourceInUse:
        log.info("Another delivery started the batch", extra=batch.facts())
        return
    log.info("Batch started", extra={**batch.facts(), "model_version": package.version})


def head_of(upload: Upload) -> bytes:
    if not upload.size:
        return b""
    head: bytes = s3.get_object(
        Bucket=upload.bucket, Key=upload.key, VersionId=upload.version_id, Range=f"bytes=0-{HEAD_BYTES - 1}"
    )["Body"].read()
    return head


def package_of(described: Mapping[str, Any]) -> Package:
    (container,) = described["InferenceSpecification"]["Containers"]
    environment = container.get("Environment", {})
    return Package(described["ModelPackageArn"], described["ModelPackageVersion"], environment=environment)


def end(batch: Batch, state: str, reason: str) -> None:
    """Record that there will be no predictions, and tell it to people."""
    ended = datetime.now(UTC).isoformat(timespec="seconds")
    result = {**batch.facts(), "state": state, "reason": reason, "ended_at": ended}
    put(f"{batch.folder}/result.json", result)
    alert(result)


def put(key: str, document: Mapping[str, Any]) -> None:
    body = json.dumps(document).encode()
    s3.put_object(Bucket=SETTINGS.artifact_bucket, Key=key, Body=body, ContentType="application/json")


def alert(result: Mapping[str, Any]) -> None:
    log.warning("Batch not predicted", extra=dict(result))
    # A subject is ASCII, which a folder's name need not be.
    model = result["model"] if result["model"] in CONTRACTS else "an unknown model"
    message = json.dumps({**result, "stage": SETTINGS.stage})
    sns.publish(TopicArn=SETTINGS.topic, Subject=f"Batch of {model} {result['state']}", Message=message)
