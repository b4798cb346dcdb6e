"""What an upload is, and which run it belongs to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from tracking.waiting import Ticket


class StartError(Exception):
    """An upload that cannot be taken now. SQS delivers it again, and keeps it in the dead letter queue at last."""


class MalformedEventError(StartError):
    """A message that is not an `Object Created` event of a versioned bucket."""


@dataclass(frozen=True)
class Upload:
    """One version of one object in the raw bucket. `size` is in bytes; `etag` has no quotes.

    `uploaded_at` is in whole seconds; the greater `sequencer` (hexadecimal) of two in the same second came later.
    """

    model: str
    bucket: str
    key: str
    version: str
    etag: str
    size: int
    uploaded_at: str
    sequencer: str = ""

    @property
    def is_folder(self) -> bool:
        """Consoles create an empty object when a person makes a folder."""
        return self.key.endswith("/")

    @property
    def properties(self) -> dict[str, str]:
        """What the workflow's job is told."""
        return {name: str(value) for name, value in asdict(self).items()}

    def ticket(self, run_id: str) -> Ticket:
        return Ticket(self.model, self.uploaded_at, self.sequencer, run_id)

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Upload:
        """From a document that holds its fields among others."""
        names = [field.name for field in fields(cls)]
        return cls(**{name: document[name] for name in names if name in document})

    def event(self) -> dict[str, Any]:
        """As S3 told it: what `upload_of` reads."""
        told = {"key": self.key, "version-id": self.version, "etag": self.etag, "size": self.size}
        return {
            "source": "aws.s3",
            "detail-type": "Object Created",
            "time": self.uploaded_at,
            "detail": {"bucket": {"name": self.bucket}, "object": {**told, "sequencer": self.sequencer}},
        }


def upload_of(body: str) -> Upload:
    """Read an SQS message that carries an EventBridge event. Keys in these events are not URL-encoded."""
    try:
        event: dict[str, Any] = json.loads(body)
        detail = event["detail"]
        source = detail["object"]
        return Upload(
            model=source["key"].partition("/")[0],
            bucket=detail["bucket"]["name"],
            key=source["key"],
            version=source["version-id"],
            etag=source["etag"].strip('"'),
            size=int(source.get("size", 0)),
            uploaded_at=event["time"],
            sequencer=source.get("sequencer", ""),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedEventError(
            f"The message is not an Object Created event of a versioned bucket: {error!r}"
        ) from error
