"""How far the looks came: what happened before is checked, each thing once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

# In the processed bucket.
KEY = "reconcile/progress.json"
VERSION = 1


@dataclass(frozen=True)
class Span:
    """Moments after the first one, up to the second one."""

    after: datetime
    until: datetime

    def __contains__(self, moment: datetime | None) -> bool:
        return moment is not None and self.after < moment <= self.until

    def __bool__(self) -> bool:
        return self.after < self.until


@dataclass(frozen=True)
class Page:
    """Where a listing that is longer than one look goes on, and the end of the span that it is about (ISO 8601)."""

    until: str
    key: str
    version: str


@dataclass(frozen=True)
class Progress:
    """`checked`: by the name of a look, the moment up to which everything was checked (ISO 8601)."""

    checked: Mapping[str, str] = field(default_factory=dict)
    page: Page | None = None

    def span(self, look: str, *, until: datetime) -> Span:
        """What is to be checked now. A look that was never there begins now: what came before it was not lost."""
        after = self.checked.get(look)
        return Span(datetime.fromisoformat(after) if after else until, until)

    def done(self, look: str, until: datetime) -> Progress:
        return replace(self, checked={**self.checked, look: until.isoformat()})


def read(s3: Any, bucket: str) -> Progress:
    # Listed first: S3 answers 403 for what is not there to a role that may list below some keys alone.
    if not s3.list_objects_v2(Bucket=bucket, Prefix=KEY, MaxKeys=1).get("KeyCount"):
        return Progress()
    document = json.loads(s3.get_object(Bucket=bucket, Key=KEY)["Body"].read())
    page = document["page"]
    return Progress(document["checked"], Page(**page) if page else None)


def write(s3: Any, bucket: str, progress: Progress) -> None:
    body = json.dumps({"version": VERSION, **asdict(progress)}).encode()
    s3.put_object(Bucket=bucket, Key=KEY, Body=body, ContentType="application/json")
