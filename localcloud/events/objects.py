"""S3 events on EventBridge carry the version of the object, as AWS sends it."""

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
            event = {**event, "Detail": json.dumps(detail)}
        dispatch(event, view)

    return dispatch_event


def install() -> None:
    s3._fire_s3_event = _firing(s3._fire_s3_event)
    eventbridge._dispatch_event = _dispatching(eventbridge._dispatch_event)
