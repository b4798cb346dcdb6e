"""What an upload is, and which run it belongs to."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any


class StartError(Exception):
    """An upload that cannot be started now. SQS delivers it again, and keeps it in the dead letter queue at last."""


class MalformedEventError(StartError):
    """A message that is not an `Object Created` event of a versioned bucket."""


@dataclass(frozen=True)
class Upload:
    """One version of one object in the raw bucket. `size` is in bytes; `etag` has no quotes."""

    model: str
    bucket: str
    key: str
    version: str
    etag: str
    size: int
    uploaded_at: str

    @property
    def is_folder(self) -> bool:
        """Consoles create an empty object when a person makes a folder."""
        return self.key.endswith("/")


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
        )
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedEventError(
            f"The message is not an Object Created event of a versioned bucket: {error!r}"
        ) from error


def run_id_of(upload: Upload, content: str, *, contract_hash: str, code_hash: str) -> str:
    """Same bytes, same contract and same code: same run, however and however often the file is uploaded."""
    identity = [upload.model, content, str(upload.size), contract_hash, code_hash]
    return hashlib.sha256("\n".join(identity).encode()).hexdigest()[:16]
