"""Start the training pipeline: once for a new data set, and again for each attempt that somebody asks for."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3

from start_training.champions import Champions
from start_training.logic import Request, request_of
from tracking import lines
from tracking.code import check_code
from tracking.place import resource_name
from tracking.queues import put_back

log = lines.logger("start_training")


class ManifestMismatchError(Exception):
    """A manifest that belongs to another place than the one it stands in."""


@dataclass(frozen=True)
class Settings:
    resource_prefix: str
    processed_bucket: str
    artifact_bucket: str
    code_commit: str
    # What the jobs of the pipeline run: archives that are named by what they hold.
    code_uris: tuple[str, ...]
    queue: str


SETTINGS = Settings(
    resource_prefix=os.environ["RESOURCE_PREFIX"],
    processed_bucket=os.environ["PROCESSED_BUCKET"],
    artifact_bucket=os.environ["ARTIFACT_BUCKET"],
    code_commit=os.environ["CODE_COMMIT"],
    code_uris=tuple(os.environ["CODE_URIS"].split()),
    queue=os.environ["WAITING_QUEUE_URL"],
)
s3 = boto3.client("s3")
sagemaker = boto3.client("sagemaker")
sqs = boto3.client("sqs")
# How long an event waits before it is tried again, while as many pipelines run as the account may have.
WAIT_SECONDS = 300


@lines.invocation(log)
def handler(event: dict[str, Any], _context: object) -> dict[str, str | None]:
    """An event, or a message of one that waited. Raises what AWS answers: it is tried again, and kept at last.

    A full account is no failure: the event goes to a queue, for as long as that lasts.
    """
    if "Records" in event:
        (record,) = event["Records"]
        event = json.loads(record["body"])
    try:
        return start(event)
    except sagemaker.exceptions.ResourceLimitExceeded as full:
        log.info("Training waits", extra={"reason": str(full)})
        put_back(sqs, SETTINGS.queue, json.dumps(event), seconds=WAIT_SECONDS)
        return {"execution": None}


def start(event: dict[str, Any]) -> dict[str, str | None]:
    request = request_of(event)
    if request is None:
        log.info("Object ignored", extra={"key": event["detail"]["object"]["key"]})
        return {"execution": None}
    lines.about(run_id=request.run_id, attempt=request.attempt)
    manifest, body = read_manifest(request)
    request = request.on(body)
    for uri in SETTINGS.code_uris:
        check_code(s3, uri)
    name = resource_name(SETTINGS.resource_prefix, request.model)
    champion_uri, champion = Champions(s3, sagemaker, SETTINGS.artifact_bucket).place(request.champion_folder, name)
    parameters = {
        "DataSetUri": f"s3://{SETTINGS.processed_bucket}/{request.folder}",
        "RunId": request.run_id,
        "ChampionUri": champion_uri,
        "CodeCommit": SETTINGS.code_commit,
        **uploaded(manifest),
        **({"ChampionVersion": str(champion)} if champion is not None else {}),
        "CacheScope": request.cache,
    }
    execution = sagemaker.start_pipeline_execution(
        PipelineName=name,
        PipelineExecutionDisplayName=f"run-{request.run_id}",
        ClientRequestToken=request.token(name),
        PipelineParameters=[{"Name": key, "Value": value} for key, value in parameters.items()],
    )["PipelineExecutionArn"]
    facts = {"model": request.model, "attempt": request.attempt, "champion": champion}
    log.info("Training started", extra={**facts, "execution": execution, "rows": manifest["rows"]})
    return {"execution": execution}


def uploaded(manifest: Mapping[str, Any]) -> dict[str, str]:
    """When the file was uploaded: of two versions the one of the later upload is the newer, whenever it was trained.

    Data sets from before do not tell it. A parameter of a pipeline is not empty.
    """
    source = manifest.get("source", {})
    told = {"UploadedAt": source.get("uploaded_at"), "UploadSequencer": source.get("sequencer")}
    return {name: value for name, value in told.items() if value}


def read_manifest(request: Request) -> tuple[dict[str, Any], bytes]:
    """The document, and its bytes."""
    key = f"{request.folder}/manifest.json"
    body: bytes = s3.get_object(Bucket=SETTINGS.processed_bucket, Key=key)["Body"].read()
    manifest: dict[str, Any] = json.loads(body)
    if (manifest["model"], manifest["run_id"]) != (request.model, request.run_id):
        raise ManifestMismatchError(f"{key} is the manifest of {manifest['model']}, run {manifest['run_id']}.")
    return manifest, body
