"""Events that get lost on purpose: AWS delivers each at least once, and says that it may still be lost or late.

Whoever wants to know what becomes of an application without an event asks for its loss before it happens.
"""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.events import objects
from localcloud.ministack import events


@dataclass
class Loss:
    """The next `left` events of this source and type whose detail holds the text; "" stands for any."""

    source: str
    detail_type: str
    containing: str = ""
    left: int = 1

    def fits(self, event: Mapping[str, Any]) -> bool:
        wanted = (self.source, self.detail_type) == (event.get("Source"), event.get("DetailType"))
        return bool(self.left) and wanted and self.containing in event.get("Detail", "")


_wanted: list[Loss] = []
_lost: list[Mapping[str, Any]] = []
_lock = threading.Lock()


def lose(query: Mapping[str, str]) -> dict[str, Any]:
    """`source` and `detail-type` of the events, `containing` and `count` where they are given."""
    loss = Loss(query["source"], query["detail-type"], query.get("containing", ""), left=int(query.get("count") or "1"))
    with _lock:
        _wanted.append(loss)
    return report()


def report() -> dict[str, Any]:
    """What was lost so far, and how many more are going to be."""
    with _lock:
        lost = [
            {"source": event["Source"], "detail-type": event["DetailType"], "detail": json.loads(event["Detail"])}
            for event in _lost
        ]
        return {"lost": lost, "pending": sum(loss.left for loss in _wanted)}


def forget() -> dict[str, Any]:
    """From here on everything arrives again."""
    with _lock:
        _wanted.clear()
        _lost.clear()
    return report()


def _is_lost(event: Mapping[str, Any]) -> bool:
    with _lock:
        loss = next((loss for loss in _wanted if loss.fits(event)), None)
        if loss is None:
            return False
        loss.left -= 1
        _lost.append(event)
        return True


def _dispatching(dispatch: Callable[..., None]) -> Callable[..., None]:
    """An event that gets lost is lost before anything is added to it."""

    def dispatch_event(event: dict[str, Any], view: Any = None) -> None:
        if not _is_lost(event):
            dispatch(objects.versioned(event) if view is None else event, view)

    return dispatch_event


def install() -> None:
    events.wrap_dispatch(_dispatching)
