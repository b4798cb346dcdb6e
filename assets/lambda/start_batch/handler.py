"""Start a batch transform for each file below batch/<model>/, once, with the newest approved version of the model.

The version is chosen first: the file is read by its contract, which is not always the one that is deployed.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

from contract import HEAD_BYTES, MAX_BATCH_BYTES, Contract, FileError, bundled
from contract.reading import Layout
from start_batch.logic import Batch, Upload, check_size, layout_for, model_request, upload_of
from start_batch.rewriting import Rewriter
from start_batch.streams import Stream, chunks_until
from start_batch.versions import Chosen, Refused, Versions
from tracking.place import resource_name
from tracking.queues import put_back
from tracking.resources import ensure, found

log = logging.getLogger("start_batch")
log.setLevel(logging.INFO)
logging.getLogger("botocore").setLevel(logging.WARNING)

# Answers that another time may be other ones: SQS delivers the event again.
PASSING = ("ThrottlingException", "RequestLimitExceeded", "SlowDown")
# All instances of the account for transforms are taken: the file waits for as long as that lasts.
FULL = "ResourceLimitExceeded"
WAIT_SECONDS = 300
# The version of the upload was deleted meanwhile.
GONE = ("NoSuchVersion", "NoSuchKey")
# What is left of the function's time when a file has to be rewritten.
MARGIN_SECONDS = 30
# Parts of an upload; a few of them are in memory at once.
PARTS = TransferConfig(multipart_threshold=16 << 20, multipart_chunksize=16 << 20, max_concurrency=4)


@dataclass(frozen=True)
class Settings:
    resource_prefix: str
    artifact_bucket: str
    model_roles: Mapping[str, str]
    instance_type: str
    stage: str
    topic: str
    queue: str
    key: str | None
    vpc_config: Mapping[str, Any]

    def role_of(self, model: str) -> str:
        """Its own; where models are many they share one, under *."""
        return self.model_roles.get(model) or self.model_roles["*"]


SETTINGS = Settings(
    resource_prefix=os.environ["RESOURCE_PREFIX"],
    artifact_bucket=os.environ["ARTIFACT_BUCKET"],
    model_roles=json.loads(os.environ["MODEL_ROLE_ARNS"]),
    instance_type=os.environ["INSTANCE_TYPE"],
    stage=os.environ["STAGE"],
    topic=os.environ["ALERTS_TOPIC_ARN"],
    queue=os.environ["BATCH_QUEUE_URL"],
    key=os.environ.get("KMS_KEY_ARN"),
    vpc_config=json.loads(os.environ.get("VPC_CONFIG", "{}")),
)
# Those that are deployed: they say which models there are, and how new data are read.
DEPLOYED = bundled()
s3 = boto3.client("s3", config=Config(retries={"mode": "standard"}))
sagemaker = boto3.client("sagemaker")
sns = boto3.client("sns")
sqs = boto3.client("sqs")
versions = Versions(s3, sagemaker)


def handler(event: dict[str, Any], context: Any) -> None:
    """The queue delivers one event at a time: an exception makes SQS deliver it again."""
    until = time.monotonic() + context.get_remaining_time_in_millis() / 1000 - MARGIN_SECONDS
    for record in event["Records"]:
        upload = upload_of(record["body"])
        if upload.is_folder:
            log.info("Folder marker ignored", extra={"key": upload.key})
        elif upload.model not in DEPLOYED:
            reason = f"there is no model {upload.model}; upload below batch/<model>/ ({', '.join(sorted(DEPLOYED))})"
            alert({"key": upload.key, "model": upload.model, "state": "refused", "reason": reason})
        else:
            start_or_wait(record["body"], upload, until=until)


def start_or_wait(body: str, upload: Upload, *, until: float) -> None:
    """`body`: the message, which is sent anew while there is no instance."""
    try:
        start(upload, DEPLOYED[upload.model], until=until)
    except ClientError as error:
        if error.response["Error"]["Code"] != FULL:
            raise
        log.info("Batch waits", extra={"key": upload.key, "model": upload.model, "reason": str(error)})
        put_back(sqs, SETTINGS.queue, body, seconds=WAIT_SECONDS)


def start(upload: Upload, deployed: Contract, *, until: float) -> None:
    """Ends with a transform job, or with a recorded reason for none. Raises ClientError for what may pass.

    `until`: on the monotonic clock, when the function has to be done.
    """
    resource = resource_name(SETTINGS.resource_prefix, upload.model)
    batch = Batch(upload, resource=resource, bucket=SETTINGS.artifact_bucket)
    if found(sagemaker.describe_transform_job, TransformJobName=batch.job):
        log.info("Batch is started already", extra=batch.facts())
        return
    chosen: Chosen | None = None
    try:
        check_size(upload.size)
        known = prepared_before(batch)
        chosen = versions.choose(batch.resource, (known or {}).get("model_package"), model=upload.model)
        transform(batch, chosen, deployed, known=known, until=until)
    except Refused as error:
        end(batch, "refused", f"{PurePosixPath(upload.key).name}: {error}", chosen)
    except ClientError as error:
        if (
            error.response["Error"]["Code"] in (*PASSING, FULL)
            or error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500
        ):
            raise
        log.exception("Batch not started", extra=batch.facts())
        end(batch, "failed", f"The transform could not be started: {error}", chosen)


def transform(
    batch: Batch, chosen: Chosen, deployed: Contract, *, known: Mapping[str, Any] | None, until: float
) -> None:
    """`known`: what an earlier delivery left. Raises Refused, or the ClientError of the call that failed."""
    upload, package = batch.upload, chosen.package
    layout = layout_for(chosen, deployed, head_of(upload), size=upload.size)
    # A delivery that found no instance has rewritten the file: the next one need not, if it has the same version.
    if known is None or known.get("model_package") != package.arn:
        known = prepare(batch, layout, until=until)
    put(f"{batch.folder}/request.json", {**known, **chosen.facts})
    request = model_request(
        package,
        model=upload.model,
        resource=batch.resource,
        role_arn=SETTINGS.role_of(upload.model),
        vpc_config=SETTINGS.vpc_config,
    )
    # Files that come together have one model.
    ensure(sagemaker.create_model, request, lambda: found(sagemaker.describe_model, ModelName=request["ModelName"]))
    job = batch.job_request(
        request["ModelName"], layout, instance=SETTINGS.instance_type, version=package.version, key=SETTINGS.key
    )
    try:
        sagemaker.create_transform_job(**job)
    except sagemaker.exceptions.ResourceInUse:
        log.info("Another delivery started the batch", extra=batch.facts())
        return
    log.info("Batch started", extra={**batch.facts(), **chosen.facts})


def prepared_before(batch: Batch) -> Mapping[str, Any] | None:
    key = f"{batch.folder}/request.json"
    if not s3.list_objects_v2(Bucket=batch.bucket, Prefix=key, MaxKeys=1).get("KeyCount"):
        return None
    found_before: dict[str, Any] = json.loads(s3.get_object(Bucket=batch.bucket, Key=key)["Body"].read())
    return found_before


def prepare(batch: Batch, layout: Layout | None, *, until: float) -> dict[str, Any]:
    """Write what the job reads, at a key of its own: a job takes the newest version of what lies below a key.

    Returns what is known of the file. Raises Refused.
    """
    facts = {**batch.facts(), "columns": None, "format": {}, "rows": None, "renumbered": False, "warnings": []}
    if layout is None:
        copy = {"Bucket": batch.upload.bucket, "Key": batch.upload.key, "VersionId": batch.upload.version_id}
        with existing():
            s3.copy_object(Bucket=batch.bucket, Key=batch.input_key, CopySource=copy, TaggingDirective="REPLACE")
        return facts
    rewriter = Rewriter(layout, limit=MAX_BATCH_BYTES)
    try:
        pieces = rewriter.pieces(chunks_until(body_of(batch.upload), until))
        s3.upload_fileobj(Stream.of(pieces), batch.bucket, batch.input_key, Config=PARTS)
    except FileError as error:
        raise Refused(str(error)) from error
    if not rewriter.rows:
        raise Refused("there is a header and no row below it; upload a file with data")
    if not rewriter.lines.empty:
        s3.put_object(Bucket=batch.bucket, Key=batch.lines_key, Body=rewriter.lines.packed())
    return {
        **facts,
        "columns": layout.names,
        "format": layout.to_dict(),
        "rows": rewriter.rows,
        "renumbered": not rewriter.lines.empty,
        "warnings": [*layout.warnings, *rewriter.warnings],
    }


def body_of(upload: Upload, **part: str) -> Any:
    """Raises Refused when that version is gone."""
    with existing():
        return s3.get_object(Bucket=upload.bucket, Key=upload.key, VersionId=upload.version_id, **part)["Body"]


@contextmanager
def existing() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] in GONE:
            raise Refused("the uploaded version is no longer there; upload the file again") from error
        raise


def head_of(upload: Upload) -> bytes:
    if not upload.size:
        return b""
    head: bytes = body_of(upload, Range=f"bytes=0-{HEAD_BYTES - 1}").read()
    return head


def end(batch: Batch, state: str, reason: str, chosen: Chosen | None) -> None:
    """Record that there will be no predictions, and tell it to people."""
    ended = datetime.now(UTC).isoformat(timespec="seconds")
    version = chosen.facts if chosen else {}
    result = {**batch.facts(), **version, "state": state, "reason": reason, "ended_at": ended}
    put(f"{batch.folder}/result.json", result)
    alert(result)


def put(key: str, document: Mapping[str, Any]) -> None:
    body = json.dumps(document).encode()
    s3.put_object(Bucket=SETTINGS.artifact_bucket, Key=key, Body=body, ContentType="application/json")


def alert(result: Mapping[str, Any]) -> None:
    log.warning("Batch not predicted", extra=dict(result))
    # A subject is ASCII, which a folder's name need not be.
    model = result["model"] if result["model"] in DEPLOYED else "an unknown model"
    message = json.dumps({**result, "stage": SETTINGS.stage})
    sns.publish(TopicArn=SETTINGS.topic, Subject=f"Batch of {model} {result['state']}", Message=message)
