"""Files that wait for their turn: an object for each, whose key tells model, time of upload and run.

Keys sort by time. S3 says the time in seconds; within one, its sequencer tells the order of an object's versions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# No name of a model begins so.
PREFIX = "_waiting/"
KEY = re.compile(rf"{PREFIX}(?P<model>[^/]+)/(?P<uploaded_at>[^_/]+)_(?P<sequencer>[^_/]*)_(?P<run_id>[^_/]+)\.json")
# Digits of a sequencer: a shorter one is filled up on its right to be compared.
SEQUENCER = 20


@dataclass(frozen=True)
class Ticket:
    """The place of one file in the waiting list. `uploaded_at`: ISO 8601, in UTC."""

    model: str
    uploaded_at: str
    sequencer: str
    run_id: str

    @property
    def key(self) -> str:
        sequencer = self.sequencer.ljust(SEQUENCER, "0")
        return f"{PREFIX}{self.model}/{self.uploaded_at}_{sequencer}_{self.run_id}.json"

    @classmethod
    def of(cls, key: str) -> Ticket | None:
        """None for what is no ticket, which nobody but a person puts there."""
        match = KEY.fullmatch(key)
        return cls(**match.groupdict()) if match else None


@dataclass(frozen=True)
class WaitingList:
    """In the processed bucket."""

    s3: Any
    bucket: str

    def put(self, ticket: Ticket, upload: Mapping[str, Any]) -> None:
        """`upload`: which version of which object it is. The same ticket twice is one."""
        body = json.dumps(dict(upload)).encode()
        self.s3.put_object(Bucket=self.bucket, Key=ticket.key, Body=body, ContentType="application/json")

    def models(self) -> list[str]:
        """Those that have a file waiting."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=PREFIX, Delimiter="/")
        found = [item["Prefix"] for page in pages for item in page.get("CommonPrefixes", [])]
        return [prefix.removeprefix(PREFIX).rstrip("/") for prefix in found]

    def of(self, model: str) -> Iterator[Ticket]:
        """The oldest first."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=f"{PREFIX}{model}/")
        keys = (item["Key"] for page in pages for item in page.get("Contents", []))
        yield from (ticket for key in keys if (ticket := Ticket.of(key)))

    def upload(self, ticket: Ticket) -> dict[str, Any]:
        body = self.s3.get_object(Bucket=self.bucket, Key=ticket.key)["Body"]
        found: dict[str, Any] = json.loads(body.read())
        return found

    def remove(self, ticket: Ticket) -> None:
        self.s3.delete_object(Bucket=self.bucket, Key=ticket.key)
