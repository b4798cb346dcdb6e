"""Data sets that no training followed: start_training gets the event of their manifest, which did not arrive."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from clients import functions, glue, s3, sagemaker
from progress import Progress
from settings import SETTINGS

from contract import Contract
from tracking.place import resource_name

log = logging.getLogger("reconcile")

NAME = "data sets"


def look(progress: Progress, until: datetime, contracts: Mapping[str, Contract]) -> tuple[Progress, int]:
    """How far the look came, and how many trainings it started."""
    span = progress.span(NAME, until=until)
    started = sum(_start(run) for run in _ended(contracts) if run.get("CompletedOn") in span) if span else 0
    return progress.done(NAME, until), started


def _ended(contracts: Mapping[str, Contract]) -> Iterator[Mapping[str, Any]]:
    """Workflow runs, in no order that Glue promises."""
    pages = glue.get_paginator("get_workflow_runs")
    for page in pages.paginate(Name=SETTINGS.workflow, PaginationConfig={"PageSize": 1000}):
        for run in page.get("Runs", ()):
            if run.get("WorkflowRunProperties", {}).get("model") in contracts:
                yield run


def _start(run: Mapping[str, Any]) -> int:
    """1 for a data set whose training was started. A run that was refused, or failed, has none."""
    model, run_id = (run["WorkflowRunProperties"].get(name, "") for name in ("model", "run_id"))
    key = f"{model}/run={run_id}/manifest.json"
    found = s3.list_objects_v2(Bucket=SETTINGS.processed_bucket, Prefix=key, MaxKeys=1).get("Contents", ())
    # One of an earlier run with the same content is its business.
    written = [item for item in found if item["LastModified"].timestamp() >= int(run["StartedOn"].timestamp())]
    if not written or _is_trained(model, run_id, since=run["StartedOn"]):
        return 0
    detail = {
        "bucket": {"name": SETTINGS.processed_bucket},
        "object": {"key": key, "etag": written[0]["ETag"].strip('"')},
    }
    payload = json.dumps({"detail-type": "Object Created", "detail": detail}).encode()
    functions.invoke(FunctionName=SETTINGS.start_training, InvocationType="Event", Payload=payload)
    log.warning("Data set without an event: it is trained on now", extra={"model": model, "run_id": run_id})
    return 1


def _is_trained(model: str, run_id: str, *, since: datetime) -> bool:
    pages = sagemaker.get_paginator("list_pipeline_executions").paginate(
        PipelineName=resource_name(SETTINGS.resource_prefix, model), CreatedAfter=since
    )
    listed = (item for page in pages for item in page["PipelineExecutionSummaries"])
    return any(item.get("PipelineExecutionDisplayName") == f"run-{run_id}" for item in listed)
