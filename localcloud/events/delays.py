"""Messages that are sent with a delay come at the local pace."""

import threading
import time
from collections.abc import Callable
from typing import Any

from ministack.core.concurrency import esm_wake
from ministack.services import sqs

from localcloud.events import queues
from localcloud.events.clock import scaled

HOOKS = (
    ("ministack.core.concurrency", "esm_wake"),
    ("ministack.services.sqs", "_HANDLERS"),
    ("ministack.services.sqs", "_act_send_message"),
    ("ministack.services.sqs", "_get_q"),
)


def hasten(messages: list[dict[str, Any]]) -> None:
    """What is left of the time in which these messages are hidden passes at the local pace."""
    if not messages:
        return
    now = time.time()
    for message in messages:
        message["visible_at"] = now + scaled(max(0.0, message["visible_at"] - now))
    timer = threading.Timer(max(message["visible_at"] for message in messages) - now + 0.005, esm_wake.set)
    timer.daemon = True
    timer.start()


def _sending(send: Callable[..., Any]) -> Callable[..., Any]:
    def send_message(request: dict[str, Any], url: str) -> Any:
        with queues.lock:
            answer = send(request, url)
            queue = sqs._get_q(request.get("QueueUrl", url))
            delayed = queue["messages"][-1:]
            hasten([item for item in delayed if item["id"] == answer["MessageId"] and item["visible_at"] > time.time()])
        return answer

    return send_message


def install() -> None:
    # A batch calls the function by its name, a single message comes by the table.
    sqs._act_send_message = _sending(sqs._act_send_message)
    sqs._HANDLERS["SendMessage"] = _sending(sqs._HANDLERS["SendMessage"])
