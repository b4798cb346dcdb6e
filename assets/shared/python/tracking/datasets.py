"""The rows of a run's data set: those that were rejected, and those that its model saw."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tracking.place import Place

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Reject:
    """A row that was not used. `line` is where it begins in the file, `row` its text there."""

    line: int
    reason: str
    row: str


def rejects(place: Place, *, model: str, run_id: str, after: int = 0) -> Iterator[Reject]:
    """In the order of the file, from below the line `after` on. A file that was refused for them has them too."""
    s3, folder = place.client("s3"), f"{model}/run={run_id}/rejects/"
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=place.processed_bucket, Prefix=folder)
    keys = [item["Key"] for page in pages for item in page.get("Contents", ())]
    for key in sorted(key for key in keys if key.removeprefix(folder).startswith("part-")):
        body = s3.get_object(Bucket=place.processed_bucket, Key=key)["Body"]
        for line in body.iter_lines(chunk_size=1 << 16):
            found = json.loads(line)
            if found["line"] > after:
                yield Reject(int(found["line"]), _text(found["reason"]), _text(found["row"]))


def raw_keys(manifest: Mapping[str, Any], split: str) -> tuple[str, ...]:
    """The Parquet files with the rows of a side as they were in the file; () where these are not kept."""
    return tuple(manifest["files"].get(f"raw_{split}", ()))


def raw_splits(manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """The sides whose rows are kept as they were in the file."""
    return tuple(split for split in SPLITS if raw_keys(manifest, split))


def _text(text: str) -> str:
    """Bytes that were no text in the file, as their codes: what is read can always be written."""
    return text.encode("utf-8", "backslashreplace").decode()
