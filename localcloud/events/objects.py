"""S3 events on EventBridge carry the version of the object, and their time in whole seconds, as AWS sends them."""

import contextvars
import json
from collections.abc import Callable
from typing import Any

from localcloud.ministack import s3

_version: contextvars.ContextVar[str | None] = contextvars.ContextVar("version", default=None)


def _firing(fire: Callable[..., None]) -> Callable[..., None]:
    def fire_event(*args: Any, version_id: str | None = None, **named: Any) -> None:
        token = _version.set(version_id)
        try:
            fire(*args, version_id=version_id, **named)
        finally:
            _version.reset(token)

    return fire_event


def versioned(event: dict[str, Any]) -> dict[str, Any]:
    """The event as AWS sends it, while the change that it tells of is being made."""
    version = _version.get()
    if not version or event.get("Source") != "aws.s3":
        return event
    detail = json.loads(event["Detail"])
    detail["object"]["version-id"] = version
    return {**event, "Detail": json.dumps(detail), "Time": _whole_seconds(event["Time"])}


def _whole_seconds(time: str) -> str:
    """2026-01-02T03:04:05.678Z -> 2026-01-02T03:04:05Z: within a second only the sequencer tells what came first."""
    return time.partition(".")[0].rstrip("Z") + "Z"


def install() -> None:
    s3.wrap_notifications(_firing)
