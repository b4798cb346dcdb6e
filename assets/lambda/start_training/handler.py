"""Start the training pipeline of a data set when its manifest lands in the processed bucket, once."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
from dataclasses import dataclass
from typing import Any

import boto3

log = logging.getLogger("start_training")
log.setLevel(logging.INFO)
logging.getLogger("botocore").setLevel(logging.WARNING)

# The rule matches on the suffix alone, which a raw file called manifest.json has too when it is copied below a run.
MANIFEST = re.compile(r"(?P<model>[a-z][a-z0-9_]*)/run=(?P<run_id>[0-9a-f]{16})/manifest\.json")


class ManifestMismatchError(Exception):
    """A manifest that belongs to another place than the one it stands in."""


@dataclass(frozen=True)
class Settings:
    resource_prefix: str


SETTINGS = Settings(resource_prefix=os.environ["RESOURCE_PREFIX"])
s3 = boto3.client("s3")
sagemaker = boto3.client("sagemaker")


def handler(event: dict[str, Any], _context: object) -> dict[str, str | None]:
    """Raises what AWS answers, so that EventBridge's asynchronous invocation is tried again and kept at last."""
    bucket, key = event["detail"]["bucket"]["name"], event["detail"]["object"]["key"]
    match = MANIFEST.fullmatch(key)
    if match is None:
        log.info("Object ignored", extra={"key": key})
        return {"execution": None}
    model, run_id = match["model"], match["run_id"]
    manifest = read_manifest(bucket, key)
    if (manifest["model"], manifest["run_id"]) != (model, run_id):
        raise ManifestMismatchError(f"{key} is the manifest of {manifest['model']}, run {manifest['run_id']}.")
    execution = sagemaker.start_pipeline_execution(
        PipelineName=SETTINGS.resource_prefix + model.replace("_", "-"),
        PipelineExecutionDisplayName=f"run-{run_id}",
        # The same token gives the same execution: a second event of this data set starts nothing.
        ClientRequestToken=hashlib.sha256(f"{model}\n{run_id}".encode()).hexdigest(),
        PipelineParameters=[
            {"Name": "DataSetUri", "Value": f"s3://{bucket}/{key.removesuffix('/manifest.json')}"},
            {"Name": "RunId", "Value": run_id},
        ],
    )["PipelineExecutionArn"]
    facts = {"model": model, "run_id": run_id, "execution": execution, "rows": manifest["rows"]}
    log.info("Training started", extra=facts)
    return {"execution": execution}


def read_manifest(bucket: str, key: str) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    return manifest
