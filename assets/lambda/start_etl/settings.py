"""What both functions of this folder are told, and the clients that they share."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.config import Config


@dataclass(frozen=True)
class Settings:
    """`longest_run`: after that Glue has ended the job of a workflow run, whatever it says of the run."""

    workflow: str
    processed_bucket: str
    longest_run: timedelta


SETTINGS = Settings(
    workflow=os.environ["WORKFLOW_NAME"],
    processed_bucket=os.environ["PROCESSED_BUCKET"],
    longest_run=timedelta(seconds=int(os.environ["LONGEST_RUN_SECONDS"])),
)
UNDER_WAY = ("RUNNING", "STOPPING")

s3 = boto3.client("s3")
# One attempt: a start whose answer is lost may have started the run.
glue = boto3.client("glue", config=Config(read_timeout=20, retries={"total_max_attempts": 1}))


def workflow_status(workflow_run: str) -> str | None:
    """None when Glue no longer knows the run, STUCK of one that is told to go on although its job has ended."""
    try:
        run: dict[str, Any] = glue.get_workflow_run(Name=SETTINGS.workflow, RunId=workflow_run)["Run"]
    except glue.exceptions.EntityNotFoundException:
        return None
    started = run.get("StartedOn")
    if run["Status"] in UNDER_WAY and started and datetime.now(UTC) - started > SETTINGS.longest_run:
        return "STUCK"
    return str(run["Status"])
