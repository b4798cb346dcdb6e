"""Putting messages into queues, and one lock around what changes a queue."""

import contextvars
import hashlib
import threading
from collections.abc import Mapping
from typing import Any

from localcloud.ministack import access, scope
from localcloud.ministack import queues as store
from localcloud.platform import account, region

lock = threading.RLock()


def exists(queue_arn: str) -> bool:
    return store.find(queue_arn) is not None


def _existing(queue_arn: str) -> store.Queue:
    queue = store.find(queue_arn)
    assert queue is not None
    return queue


def is_fifo(queue_arn: str) -> bool:
    return bool(_existing(queue_arn)["is_fifo"])


def attributes(queue_arn: str) -> Mapping[str, str]:
    found: Mapping[str, str] = _existing(queue_arn)["attributes"]
    return found


def messages(queue_arn: str) -> list[dict[str, Any]]:
    """What is in the queue now, visible or not; [] when there is no such queue any more."""
    with lock:
        queue = store.find(queue_arn)
        return list(queue["messages"]) if queue else []


def put(
    queue_arn: str,
    body: str,
    *,
    attributes: Mapping[str, str] | None = None,
    group: str | None = None,
) -> None:
    """Send a message as an AWS service whose permission has been checked before."""
    typed = {name: {"DataType": "String", "StringValue": value} for name, value in (attributes or {}).items()}
    request: dict[str, Any] = {"MessageBody": body, "MessageAttributes": typed}
    if is_fifo(queue_arn):
        request |= {"MessageGroupId": group, "MessageDeduplicationId": hashlib.sha256(body.encode()).hexdigest()}
    # A context of its own: whoever caused the event is not the sender.
    contextvars.Context().run(_send, account(), region(), _existing(queue_arn)["url"], request)


def _send(account_id: str, region_name: str, url: str, request: dict[str, Any]) -> None:
    with scope.acting_in(account_id, region_name):
        access.from_this_machine()
        with lock:
            store.send(url, request)


def install() -> None:
    store.replace_lock(lock)
