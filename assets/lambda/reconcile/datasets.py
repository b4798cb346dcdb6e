"""Workflow runs from which nothing followed although they ended.

start_training gets the event of a manifest that did not arrive. A workflow run whose job never ran made nothing: its
upload goes to the queue once more, and waits for its turn as any other.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from contract import Contract
from reconcile.clients import functions, glue, s3, sagemaker, sqs
from reconcile.events import upload_event
from reconcile.progress import Progress
from reconcile.settings import SETTINGS
from tracking.place import resource_name

log = logging.getLogger("reconcile")

NAME = "data sets"
# Of the jobs of a workflow run. One that failed has told people so, and its run has ended.
RAN = ("SucceededActions", "FailedActions", "TimeoutActions", "ErroredActions", "StoppedActions", "RunningActions")


def look(progress: Progress, until: datetime, contracts: Mapping[str, Contract]) -> tuple[Progress, int]:
    """How far the look came, and how many trainings and files it started."""
    span = progress.span(NAME, until=until)
    runs = list(_ended(contracts)) if span else []
    ended = [run for run in runs if run.get("CompletedOn") in span]
    started = sum(_once_more(run, runs) if _is_empty(run) else _start(run) for run in ended)
    return progress.done(NAME, until), started


def _is_empty(run: Mapping[str, Any]) -> bool:
    """Whether its job never ran. Somebody may have stopped it before that."""
    statistics = run.get("Statistics")
    return statistics is not None and run["Status"] != "STOPPED" and not any(statistics.get(name) for name in RAN)


def _once_more(run: Mapping[str, Any], runs: Sequence[Mapping[str, Any]]) -> int:
    """1 for a file that goes to the queue again; not one to which that happened before."""
    told = run["WorkflowRunProperties"]
    same = [other for other in runs if other["WorkflowRunProperties"].get("run_id") == told["run_id"]]
    if len([other for other in same if _is_empty(other)]) > 1:
        return 0
    facts = {name: told[name] for name in ("key", "version", "etag")}
    event = upload_event(time=told["uploaded_at"], size=int(told["size"]), sequencer=told.get("sequencer", ""), **facts)
    sqs.send_message(QueueUrl=SETTINGS.upload_queue, MessageBody=json.dumps(event))
    extra = {"model": told["model"], "run_id": told["run_id"], "workflow_run": run["WorkflowRunId"]}
    log.warning("Workflow run ended without a job: its upload is started again", extra=extra)
    return 1


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
