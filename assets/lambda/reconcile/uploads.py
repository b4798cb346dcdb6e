"""Uploaded files whose event did not arrive: they go to the queue that the event would have gone to."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from contract import BATCH_PREFIX, Contract, batch_folder, batch_id
from reconcile.clients import s3, sqs
from reconcile.events import upload_event
from reconcile.progress import Page, Progress
from reconcile.settings import SETTINGS
from tracking.receipts import has_receipt

log = logging.getLogger("reconcile")

NAME = "uploads"
# Of a thousand versions each: S3 lists by name, not by time, and one look lists no more than this.
PAGES = 20


def look(progress: Progress, until: datetime, contracts: Mapping[str, Contract]) -> tuple[Progress, int]:
    """How far the look came, and how many files it started.

    A bucket of more versions than one look lists is listed by several, about the span of the first of them.
    """
    page = progress.page
    span = progress.span(NAME, until=datetime.fromisoformat(page.until) if page else until)
    if not span and page is None:
        return progress.done(NAME, span.until), 0
    started = 0
    for _ in range(PAGES):
        answer = s3.list_object_versions(Bucket=SETTINGS.raw_bucket, **_marker(page))
        started += sum(_start(item, contracts) for item in answer.get("Versions", ()) if item["LastModified"] in span)
        if not answer["IsTruncated"]:
            return replace(progress.done(NAME, span.until), page=None), started
        page = Page(span.until.isoformat(), answer["NextKeyMarker"], answer["NextVersionIdMarker"])
    return replace(progress, page=page), started


def _marker(page: Page | None) -> dict[str, str]:
    return {"KeyMarker": page.key, "VersionIdMarker": page.version} if page else {}


def _start(item: Mapping[str, Any], contracts: Mapping[str, Contract]) -> int:
    """1 for a file that was started, 0 for one that was handled, or is nobody's."""
    key, version = item["Key"], item["VersionId"]
    folder, *rest = key.split("/")
    batch = f"{folder}/" == BATCH_PREFIX
    model = rest[0] if batch and rest else folder
    # Consoles create an empty object when a person makes a folder.
    if model not in contracts or key.endswith("/"):
        return 0
    if _has_batch(model, key, version) if batch else _has_run(key, version):
        return 0
    queue = SETTINGS.batch_queue if batch else SETTINGS.upload_queue
    sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(event_of(item)))
    log.warning("Upload without an event: it is started now", extra={"model": model, "key": key, "version": version})
    return 1


def _has_run(key: str, version: str) -> bool:
    return has_receipt(s3, SETTINGS.processed_bucket, key=key, version=version)


def _has_batch(model: str, key: str, version: str) -> bool:
    """start_batch writes a request or a result for each file, whatever becomes of it."""
    prefix = f"{batch_folder(model, batch_id(model, key, version))}/"
    return bool(s3.list_objects_v2(Bucket=SETTINGS.artifact_bucket, Prefix=prefix, MaxKeys=1).get("KeyCount"))


def event_of(item: Mapping[str, Any]) -> dict[str, Any]:
    return upload_event(
        time=item["LastModified"].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        key=item["Key"],
        version=item["VersionId"],
        etag=item["ETag"].strip('"'),
        size=item["Size"],
    )
