"""Transform jobs that ended and of which nobody was told: finish_batch gets the event that did not arrive."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import datetime

from contract import Contract, batch_folder
from reconcile.clients import functions, s3, sagemaker
from reconcile.progress import Progress, Span
from reconcile.settings import SETTINGS
from tracking.place import resource_name

log = logging.getLogger("reconcile")

NAME = "batches"


def look(progress: Progress, until: datetime, contracts: Mapping[str, Contract]) -> tuple[Progress, int]:
    """How far the look came, and how many batches it ended."""
    span = progress.span(NAME, until=until)
    started = sum(_ended(span, model) for model in contracts) if span else 0
    return progress.done(NAME, until), started


def _ended(span: Span, model: str) -> int:
    """How many batches of the model ended in the span and have no result yet."""
    start, finished = f"{resource_name(SETTINGS.resource_prefix, model)}-", 0
    pages = sagemaker.get_paginator("list_transform_jobs").paginate(
        NameContains=start, LastModifiedTimeAfter=span.after
    )
    for item in (item for page in pages for item in page["TransformJobSummaries"]):
        name = item["TransformJobName"]
        if item.get("TransformEndTime") in span and name.startswith(start) and not _has_result(model, name, start):
            payload = json.dumps({"detail": {"TransformJobName": name}}).encode()
            functions.invoke(FunctionName=SETTINGS.finish_batch, InvocationType="Event", Payload=payload)
            log.warning("Batch ended without an event: it is recorded now", extra={"model": model, "job": name})
            finished += 1
    return finished


def _has_result(model: str, job: str, start: str) -> bool:
    """Also for a job of another model whose name starts with that of this one: its folder is not below this model."""
    folder = batch_folder(model, job.removeprefix(start))
    found = s3.list_objects_v2(Bucket=SETTINGS.artifact_bucket, Prefix=f"{folder}/", MaxKeys=1000)
    keys = {item["Key"] for item in found.get("Contents", ())}
    return not keys or f"{folder}/result.json" in keys
