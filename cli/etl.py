"""Asking for another ETL of a run: its data set is withdrawn, and its file announced once more."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from cli.errors import CliError
from cli.options import of_model
from cli.target import Target
from cli.upload import run_id_of
from tracking.content import content_of
from tracking.documents import Documents
from tracking.run import Run
from tracking.runs import RunReader

GONE = ("404", "NoSuchKey", "NoSuchVersion")


@dataclass(frozen=True)
class Source:
    """The version of an object in the raw bucket that a run was made of. `uploaded`: when it was.

    `sequencer`: S3's word for its place among uploads of the same second; "" where nothing keeps it.
    """

    place: Mapping[str, str]
    etag: str
    size: int
    uploaded: datetime
    sequencer: str = ""


def run_etl_again(target: Target, run: Run) -> Run:
    """Ask for the ETL job on the file of the run, which has ended. Returns the run that is made, as it stands before.

    That is another one when the contract or the code of the ETL changed since: the data set of the first one stays.
    Raises CliError, and changes nothing, when the file is gone.
    """
    source = source_of(target, run)
    content = content_of(target.client("s3"), source.place, source.etag)
    made = run_id_of(target, model=run.model, content=content, size=source.size)
    if made == run.run_id:
        # First: without its manifest, what is left of a data set is none, and start_etl makes it anew.
        manifest = f"{run.model}/run={run.run_id}/manifest.json"
        target.client("s3").delete_object(Bucket=target.place.processed_bucket, Key=manifest)
    before = RunReader(target.place, model=run.model).read(made)
    target.client("sqs").send_message(
        QueueUrl=target.output("UploadQueueUrl"), MessageBody=json.dumps(event_of(target, source))
    )
    return before


def source_of(target: Target, run: Run) -> Source:
    """The version that the run was made of, or a later one of the same file with the same bytes."""
    told = run.source or _claim(target, run)
    if not told:
        raise CliError(f"Nothing says which file run {run.run_id} was made of.", _upload(run, "FILE"))
    wanted = {"Bucket": str(told["bucket"]), "Key": str(told["key"]), "VersionId": str(told["version"])}
    s3, etag, size = target.client("s3"), str(told["etag"]), int(told["size"])
    try:
        head = s3.head_object(**wanted)
    except ClientError as error:
        if error.response["Error"]["Code"] not in GONE:
            raise
    else:
        return Source(wanted, etag, size, head["LastModified"], str(told.get("sequencer", "")))
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=wanted["Bucket"], Prefix=wanted["Key"])
    for item in (item for page in pages for item in page.get("Versions", [])):
        if (item["Key"], item["ETag"].strip('"'), item["Size"]) == (wanted["Key"], etag, size):
            return Source({**wanted, "VersionId": item["VersionId"]}, etag, size, item["LastModified"])
    name = wanted["Key"].rsplit("/", 1)[-1]
    raise CliError(
        f"The file {wanted['Key']} of run {run.run_id} is gone from the raw bucket.",
        f"{_upload(run, shlex.quote(name))}. Then: mlops retry {run.run_id} --from etl",
    )


def _upload(run: Run, name: str) -> str:
    return f"Upload it again: mlops upload {name}{of_model(run.model)}"


def _claim(target: Target, run: Run) -> Mapping[str, Any] | None:
    """What start_etl wrote down before the run; of one whose other traces are gone."""
    key = f"{run.model}/run={run.run_id}/claim.json"
    return Documents(target.place).read(target.place.processed_bucket, key)


def event_of(target: Target, source: Source) -> dict[str, Any]:
    """As S3 tells of an upload, with the time of that upload: it decides which of two files is the newer one."""
    return {
        "version": "0",
        "source": target.event_source,
        "detail-type": "Object Created",
        "time": source.uploaded.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "detail": {
            "bucket": {"name": source.place["Bucket"]},
            "object": {
                "key": source.place["Key"],
                "version-id": source.place["VersionId"],
                "etag": source.etag,
                "size": source.size,
                "sequencer": source.sequencer,
            },
        },
    }
