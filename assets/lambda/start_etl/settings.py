"""What both functions of this folder are told, and the clients that they share."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config


@dataclass(frozen=True)
class Settings:
    workflow: str
    processed_bucket: str


SETTINGS = Settings(workflow=os.environ["WORKFLOW_NAME"], processed_bucket=os.environ["PROCESSED_BUCKET"])
UNDER_WAY = ("RUNNING", "STOPPING")

s3 = boto3.client("s3")
# One attempt: a start whose answer is lost may have started the run.
glue = boto3.client("glue", config=Config(read_timeout=20, retries={"total_max_attempts": 1}))


def workflow_status(workflow_run: str) -> str | None:
    """None when Glue no longer knows the run."""
    try:
        run: dict[str, Any] = glue.get_workflow_run(Name=SETTINGS.workflow, RunId=workflow_run)["Run"]
    except glue.exceptions.EntityNotFoundException:
        return None
    return str(run["Status"])
