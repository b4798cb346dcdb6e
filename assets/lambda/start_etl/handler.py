"""Start the Glue workflow for each file that lands in the raw bucket, once."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from claims import UNDER_WAY, Claims
from content import content_of
from logic import StartError, Upload, run_id_of, upload_of

from contract import bundled
from tracking import lines
from tracking.receipts import keep_receipt

log = lines.logger("start_etl")


class UnknownModelError(StartError):
    """A file under a prefix that no model of this bundle has."""


@dataclass(frozen=True)
class Settings:
    workflow: str
    processed_bucket: str
    code_hash: str


SETTINGS = Settings(
    workflow=os.environ["WORKFLOW_NAME"],
    processed_bucket=os.environ["PROCESSED_BUCKET"],
    code_hash=os.environ["ETL_CODE_HASH"],
)
CONTRACTS = bundled()
s3 = boto3.client("s3")
# One attempt: a start whose answer is lost may have started the run.
glue = boto3.client("glue", config=Config(read_timeout=20, retries={"total_max_attempts": 1}))


@lines.invocation(log)
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answers with the messages that SQS has to deliver again; the others of the batch are done."""
    failures = []
    for record in event["Records"]:
        lines.about()
        try:
            start(upload_of(record["body"]))
        except (StartError, ClientError, BotoCoreError) as error:
            log.exception(
                "Upload not started", extra={"message_id": record["messageId"], "error": type(error).__name__}
            )
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}


def start(upload: Upload) -> None:
    """Raises StartError or ClientError (at the workflow's limit, for one) when SQS should deliver again."""
    facts = {"model": upload.model, "key": upload.key, "version": upload.version}
    if upload.is_folder:
        log.info("Folder marker ignored", extra=facts)
        return
    if upload.model not in CONTRACTS:
        raise UnknownModelError(f"{upload.key}: no model is called {upload.model!r}.")
    # From here on the queue keeps the upload until it is started: who looks for lost events need not.
    keep_receipt(s3, SETTINGS.processed_bucket, key=upload.key, version=upload.version)
    contract_hash = CONTRACTS[upload.model].hash
    content = content_of(s3, upload)
    run_id = run_id_of(upload, content, contract_hash=contract_hash, code_hash=SETTINGS.code_hash)
    lines.about(run_id=run_id)
    claims = Claims(s3=s3, bucket=SETTINGS.processed_bucket, status_of=workflow_status, under_way=workflow_run_of)
    claim, reason = claims.acquire(f"{upload.model}/run={run_id}", {"run_id": run_id, **asdict(upload)})
    if claim is None:
        log.info("Upload skipped", extra={**facts, "reason": reason})
        return
    properties = {name: str(value) for name, value in asdict(upload).items()}
    try:
        answer = glue.start_workflow_run(Name=SETTINGS.workflow, RunProperties={**properties, "run_id": run_id})
    except glue.exceptions.ConcurrentRunsExceededException:
        claims.release(claim)
        raise
    claims.record(claim, answer["RunId"])
    log.info("Workflow started", extra={**facts, "workflow_run": answer["RunId"]})


def workflow_run_of(run_id: str) -> str | None:
    """The workflow run that is under way with this run id among its properties."""
    pages = glue.get_paginator("get_workflow_runs").paginate(Name=SETTINGS.workflow)
    under_way = (run for page in pages for run in page.get("Runs", []) if run["Status"] in UNDER_WAY)
    ours = (run for run in under_way if run.get("WorkflowRunProperties", {}).get("run_id") == run_id)
    return next((str(run["WorkflowRunId"]) for run in ours), None)


def workflow_status(workflow_run: str) -> str | None:
    """None when Glue no longer knows the run."""
    try:
        run = glue.get_workflow_run(Name=SETTINGS.workflow, RunId=workflow_run)["Run"]
    except glue.exceptions.EntityNotFoundException:
        return None
    return str(run["Status"])
