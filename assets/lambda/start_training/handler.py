"""Start the training pipeline: once for a new data set, and again for each attempt that somebody asks for."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

import boto3
from champions import Champions
from logic import Request, request_of

from tracking import lines
from tracking.code import check_code
from tracking.place import resource_name

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


SETTINGS = Settings(
    resource_prefix=os.environ["RESOURCE_PREFIX"],
    processed_bucket=os.environ["PROCESSED_BUCKET"],
    artifact_bucket=os.environ["ARTIFACT_BUCKET"],
    code_commit=os.environ["CODE_COMMIT"],
    code_uris=tuple(os.environ["CODE_URIS"].split()),
)
s3 = boto3.client("s3")
sagemaker = boto3.client("sagemaker")


@lines.invocation(log)
def handler(event: dict[str, Any], _context: object) -> dict[str, str | None]:
    """Raises what AWS answers, so that EventBridge's asynchronous invocation is tried again and kept at last."""
    request = request_of(event)
    if request is None:
        log.info("Object ignored", extra={"key": event["detail"]["object"]["key"]})
        return {"execution": None}
    lines.about(run_id=request.run_id)
    manifest = read_manifest(request)
    for uri in SETTINGS.code_uris:
        check_code(s3, uri)
    name = resource_name(SETTINGS.resource_prefix, request.model)
    champion_uri, champion = Champions(s3, sagemaker, SETTINGS.artifact_bucket).place(request.champion_folder, name)
    parameters = {
        "DataSetUri": f"s3://{SETTINGS.processed_bucket}/{request.folder}",
        "RunId": request.run_id,
        "ChampionUri": champion_uri,
        "CodeCommit": SETTINGS.code_commit,
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


def read_manifest(request: Request) -> dict[str, Any]:
    key = f"{request.folder}/manifest.json"
    manifest: dict[str, Any] = json.loads(s3.get_object(Bucket=SETTINGS.processed_bucket, Key=key)["Body"].read())
    if (manifest["model"], manifest["run_id"]) != (request.model, request.run_id):
        raise ManifestMismatchError(f"{key} is the manifest of {manifest['model']}, run {manifest['run_id']}.")
    return manifest
