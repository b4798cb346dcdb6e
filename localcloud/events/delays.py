"""Messages that are sent with a delay come at the local pace."""

import threading
import time
from collections.abc import Callable
from typing import Any

from localcloud.events import queues
from localcloud.events.clock import scaled
from localcloud.ministack import queues as store


def hasten(messages: list[dict[str, Any]]) -> None:
    """What is left of the time in which these messages are hidden passes at the local pace."""
    if not messages:
        return
    now = time.time()
    for message in messages:
        message["visible_at"] = now + scaled(max(0.0, message["visible_at"] - now))
    timer = threading.Timer(max(message["visible_at"] for message in messages) - now + 0.005, store.wake_pollers)
    timer.daemon = True
    timer.start()


def _sending(send: Callable[..., Any]) -> Callable[..., Any]:
    def send_message(request: dict[str, Any], url: str) -> Any:
        with queues.lock:
            answer = send(request, url)
            queue = store.by_url(request.get("QueueUrl", url))
            delayed = queue["messages"][-1:]
            hasten([item for item in delayed if item["id"] == answer["MessageId"] and item["visible_at"] > time.time()])
        return answer

    return send_message


def install() -> None:
    store.wrap_send(_sending)
