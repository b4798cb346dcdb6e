"""A file of rows to predict: uploaded, followed to its end, its predictions fetched."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from cli.errors import CliError
from cli.spreadsheet import write_excel_safe
from cli.target import Target
from cli.upload import check_file
from contract import BATCH_PREFIX, MAX_BATCH_BYTES, batch_folder, batch_id
from tracking.logs import log_tail
from tracking.resources import found
from tracking.run import Step

LOG_GROUP = "/aws/sagemaker/TransformJobs"
TIMEOUT_SECONDS = 4 * 3600.0
_LINES = re.compile(r'"lines": (\d+)')


@dataclass(frozen=True)
class Batch:
    """One object version below batch/<model>/. Its folder and its transform job are named by its id."""

    model: str
    id: str
    job: str
    key: str
    version_id: str

    @property
    def folder(self) -> str:
        return batch_folder(self.model, self.id)


@dataclass(frozen=True)
class Progress:
    """`state`: waiting or running. `lines` that the model has read, of `total`, the header among them.

    `total` is None before the file is rewritten for the job, and for a Parquet file, which is read at once.
    """

    state: str
    lines: int = 0
    total: int | None = None


def check(file: Path, output: Path) -> None:
    """Raises CliError for a file that cannot be sent, and for an output that cannot be written."""
    check_file(file)
    size = file.stat().st_size
    if size > MAX_BATCH_BYTES:
        raise CliError(f"{file} has {size:,} bytes, a batch at most {MAX_BATCH_BYTES:,}.", "Split it.")
    if not output.parent.is_dir():
        raise CliError(f"There is no folder {output.parent}.", "Make it, or name another file with --output.")
    if output.is_dir() or (output.exists() and output.samefile(file)):
        raise CliError(f"The predictions cannot be written to {output}.", "Name another file with --output.")


def put(target: Target, *, model: str, file: Path, on_bytes: Callable[[int], None] | None = None) -> Batch:
    """Copy the file to the raw bucket, where it starts a batch."""
    s3, bucket, key = target.client("s3"), target.output("RawBucketName"), f"{BATCH_PREFIX}{model}/{file.name}"
    s3.upload_file(str(file), bucket, key, Callback=on_bytes)
    version_id = s3.head_object(Bucket=bucket, Key=key)["VersionId"]
    identity = batch_id(model, key, version_id)
    job = f"{target.resource_name(model)}-{identity}"
    return Batch(model=model, id=identity, job=job, key=key, version_id=version_id)


def wait(
    target: Target,
    batch: Batch,
    *,
    on_progress: Callable[[Progress], None],
    alive: Callable[[], None] | None = None,
    timeout: float = TIMEOUT_SECONDS,
) -> Mapping[str, Any]:
    """Poll until the batch has ended, and return its result. Raises CliError when there are no predictions.

    `alive` may raise to stop waiting for a cloud that died.
    """
    interval, deadline = (0.25 if target.where == "local" else 5.0), time.monotonic() + timeout
    while (result := result_of(target, batch)) is None:
        progress = progress_of(target, batch)
        on_progress(progress)
        if time.monotonic() > deadline:
            raise CliError(
                f"Batch {batch.id} is still {progress.state} after {timeout:.0f} s.",
                f"See transform job {batch.job}, the log of start_batch and the queue BatchDlq.",
            )
        if alive:
            alive()
        time.sleep(interval)
    raise_for_failure(target, batch, result)
    return result


def result_of(target: Target, batch: Batch) -> Mapping[str, Any] | None:
    """What start_batch or finish_batch recorded of its end; None before it."""
    return _document(target, batch, "result.json")


def _document(target: Target, batch: Batch, name: str) -> Mapping[str, Any] | None:
    try:
        answer = target.client("s3").get_object(
            Bucket=target.output("ArtifactBucketName"), Key=f"{batch.folder}/{name}"
        )
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
            return None
        raise
    found: dict[str, Any] = json.loads(answer["Body"].read())
    return found


def progress_of(target: Target, batch: Batch) -> Progress:
    describe = target.client("sagemaker").describe_transform_job
    if found(describe, TransformJobName=batch.job) is None:
        return Progress("waiting")
    rows = (_document(target, batch, "request.json") or {}).get("rows")
    return Progress("running", lines_read(target, batch.job), None if rows is None else rows + 1)


def lines_read(target: Target, job: str) -> int:
    """From the lines that the model logs, one a request."""
    logs = target.client("logs")
    try:
        listed = logs.describe_log_streams(logGroupName=LOG_GROUP, logStreamNamePrefix=f"{job}/")["logStreams"]
    except logs.exceptions.ResourceNotFoundException:
        return 0
    if not listed:
        return 0
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=LOG_GROUP,
        logStreamNames=[stream["logStreamName"] for stream in listed],
        filterPattern='"batch rows"',
    )
    counts = (_LINES.search(event["message"]) for page in pages for event in page["events"])
    return sum(int(count[1]) for count in counts if count)


def raise_for_failure(target: Target, batch: Batch, result: Mapping[str, Any]) -> None:
    state, reason = result["state"], str(result["reason"]).rstrip(".")
    if state == "refused":
        raise CliError(f"The file was refused. {reason}.", "Nothing was predicted; it is still in the raw bucket.")
    if state != "done":
        step = Step(name=batch.job, status=state, log_group=LOG_GROUP, log_stream=f"{batch.job}/")
        raise CliError(
            f"The batch {state}: {reason}.", "Mend it, then start the batch again.", log_tail(target.place, step)
        )


def size_of(target: Target, result: Mapping[str, Any]) -> int:
    bucket, key = _place(result)
    return int(target.client("s3").head_object(Bucket=bucket, Key=key)["ContentLength"])


def fetch(
    target: Target,
    result: Mapping[str, Any],
    output: Path,
    *,
    on_bytes: Callable[[int], None] | None = None,
    excel_safe: bool = False,
) -> None:
    """Write the predictions. An earlier file of that name stays until they are complete."""
    bucket, key = _place(result)
    part, safe = (output.with_name(f"{output.name}{ending}") for ending in (".part", ".safe.part"))
    try:
        target.client("s3").download_file(bucket, key, str(part), Callback=on_bytes)
        if excel_safe:
            written = result.get("format") or {}
            write_excel_safe(part, safe, delimiter=written.get("delimiter", ","), mark=written.get("decimal", "."))
            safe.replace(part)
        part.replace(output)
    finally:
        for rest in (part, safe):
            rest.unlink(missing_ok=True)


def _place(result: Mapping[str, Any]) -> tuple[str, str]:
    bucket, _, key = str(result["predictions"]).removeprefix("s3://").partition("/")
    return bucket, key
