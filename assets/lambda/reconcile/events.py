"""The event of an upload, as S3 would have sent it."""

from __future__ import annotations

from typing import Any

from reconcile.settings import SETTINGS
from tracking.place import project_of


def upload_event(*, time: str, key: str, version: str, etag: str, size: int, sequencer: str = "") -> dict[str, Any]:
    """`time`: of the upload, ISO 8601. That decides which of two files is the newer one. `size` is in bytes."""
    told = {"key": key, "size": size, "etag": etag, "version-id": version}
    return {
        "version": "0",
        "detail-type": "Object Created",
        "source": f"{project_of(SETTINGS.resource_prefix, SETTINGS.stage)}.{SETTINGS.stage}",
        "time": time,
        "detail": {
            "bucket": {"name": SETTINGS.raw_bucket},
            "object": {**told, "sequencer": sequencer} if sequencer else told,
        },
    }
