"""S3 events on EventBridge carry the version of the object, and their time in whole seconds, as AWS sends them."""

import contextvars
import json
from collections.abc import Callable
from typing import Any

from ministack.services import eventbridge, s3

HOOKS = (
    ("ministack.services.eventbridge", "_dispatch_event"),
    ("ministack.services.s3", "_fire_s3_event"),
)

_version: contextvars.ContextVar[str | None] = contextvars.ContextVar("version", default=None)


def _firing(fire: Callable[..., None]) -> Callable[..., None]:
    def fire_event(*args: Any, version_id: str | None = None, **named: Any) -> None:
        token = _version.set(version_id)
        try:
            fire(*args, version_id=version_id, **named)
        finally:
            _version.reset(token)

    return fire_event


def _dispatching(dispatch: Callable[..., None]) -> Callable[..., None]:
    def dispatch_event(event: dict[str, Any], view: Any = None) -> None:
        version = _version.get()
        if version and view is None and event.get("Source") == "aws.s3":
            detail = json.loads(event["Detail"])
            detail["object"]["version-id"] = version
            event = {**event, "Detail": json.dumps(detail), "Time": _whole_seconds(event["Time"])}
        dispatch(event, view)

    return dispatch_event


def _whole_seconds(time: str) -> str:
    """2026-01-02T03:04:05.678Z -> 2026-01-02T03:04:05Z: within a second only the sequencer tells what came first."""
    return time.partition(".")[0].rstrip("Z") + "Z"


def install() -> None:
    s3._fire_s3_event = _firing(s3._fire_s3_event)
    eventbridge._dispatch_event = _dispatching(eventbridge._dispatch_event)
