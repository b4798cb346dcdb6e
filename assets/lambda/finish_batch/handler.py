"""Record how a batch transform ended: counts and first reasons beside the predictions, or why there are none."""

from __future__ import annotations

import gzip
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any

import boto3

from contract import FileRefusal, bundled
from finish_batch.logic import (
    PREDICTIONS,
    NotPredictionsError,
    Places,
    RefusedError,
    folder_of,
    lines_of,
    reason_of,
    records_of,
    tally_of,
)

log = logging.getLogger("finish_batch")
log.setLevel(logging.INFO)
logging.getLogger("botocore").setLevel(logging.WARNING)

CHUNK_BYTES = 1 << 20
STATES = {"Completed": "done", "Failed": "failed", "Stopped": "stopped"}


@dataclass(frozen=True)
class Settings:
    bucket: str
    stage: str
    topic: str


SETTINGS = Settings(
    bucket=os.environ["ARTIFACT_BUCKET"], stage=os.environ["STAGE"], topic=os.environ["ALERTS_TOPIC_ARN"]
)
s3 = boto3.client("s3")
sagemaker = boto3.client("sagemaker")
sns = boto3.client("sns")


def handler(event: dict[str, Any], _context: object) -> dict[str, str | None]:
    """Raises what AWS answers, so that the asynchronous invocation is tried again and kept at last."""
    job = sagemaker.describe_transform_job(TransformJobName=event["detail"]["TransformJobName"])
    folder = folder_of(job)
    if folder is None or job["TransformJobStatus"] not in STATES:
        log.info("Not the end of a batch", extra={"job": job["TransformJobName"], "status": job["TransformJobStatus"]})
        return {"state": None}
    request = json.loads(s3.get_object(Bucket=SETTINGS.bucket, Key=f"{folder}/request.json")["Body"].read())
    result = {
        **request,
        **outcome(job, folder, request),
        "ended_at": job["TransformEndTime"].isoformat(timespec="seconds"),
    }
    body = json.dumps(result).encode()
    s3.put_object(Bucket=SETTINGS.bucket, Key=f"{folder}/result.json", Body=body, ContentType="application/json")
    # Made of what the raw bucket keeps.
    for name in ("rows.csv", *(["lines.gz"] if request.get("renumbered") else [])):
        s3.delete_object(Bucket=SETTINGS.bucket, Key=f"{folder}/input/{name}")
    if result["state"] == "done":
        told = ("id", "model", "model_version", "contract_hash", "rows", "bad_rows", "seconds")
        log.info("Batch done", extra={name: result.get(name) for name in told})
    else:
        alert(result)
    return {"state": str(result["state"])}


def outcome(job: Mapping[str, Any], folder: str, request: Mapping[str, Any]) -> dict[str, Any]:
    state = STATES[job["TransformJobStatus"]]
    if state != "done":
        return {"state": state, "reason": job.get("FailureReason", "Somebody stopped the transform job.")}
    key = f"{folder}/{PREDICTIONS}"
    body = s3.get_object(Bucket=SETTINGS.bucket, Key=key)["Body"]
    records = records_of(lines_of(body.iter_chunks(CHUNK_BYTES)))
    written = request.get("format") or {}
    try:
        tally = tally_of(records, delimiter=written.get("delimiter", ","), places=places_of(folder, request))
    except NotPredictionsError as error:
        return {"state": "failed", "reason": str(error)}
    except RefusedError as error:
        return {"state": "refused", "reason": refused(error.refusal, request)}
    seconds = (job["TransformEndTime"] - job["TransformStartTime"]).total_seconds()
    version = f"version {request['model_version']}"
    reason = f"{tally.rows - tally.bad_rows} of {tally.rows} rows predicted by {version}."
    return {
        "state": state,
        "reason": reason,
        **asdict(tally),
        "seconds": round(seconds, 1),
        "predictions": f"s3://{SETTINGS.bucket}/{key}",
    }


def refused(refusal: FileRefusal, request: Mapping[str, Any]) -> str:
    model, version = request["model"], request["model_version"]
    reason = reason_of(refusal, model=model, version=version, deployed=bundled().get(model))
    return f"{PurePosixPath(request['key']).name}: {reason}"


def places_of(folder: str, request: Mapping[str, Any]) -> Places:
    if request.get("columns") is None:
        return Places(first=0)  # a Parquet file has no lines, but rows
    if not request.get("renumbered"):
        return Places()
    body = s3.get_object(Bucket=SETTINGS.bucket, Key=f"{folder}/input/lines.gz")["Body"]
    return Places(gzip.open(body))


def alert(result: Mapping[str, Any]) -> None:
    log.warning("Batch not predicted", extra=dict(result))
    message = json.dumps({**result, "stage": SETTINGS.stage})
    sns.publish(TopicArn=SETTINGS.topic, Subject=f"Batch of {result['model']} {result['state']}", Message=message)
