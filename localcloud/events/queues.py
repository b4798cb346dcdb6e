"""Putting messages into queues, and one lock around what changes a queue.

MiniStack's handlers run on the event loop while its pollers and deliveries run in threads; each replaces a queue's list
of messages after filtering it, so that a message appended in between would be lost.
"""

import contextvars
import hashlib
import threading
from collections.abc import Callable, Mapping
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import request_scope
from ministack.services import s3, sns, sqs

from localcloud.platform import account, region

HOOKS = (
    ("ministack.core.iam_evaluator", "pin_request_origin"),
    ("ministack.core.responses", "request_scope"),
    ("ministack.services.s3", "_deliver_event_to_sqs"),
    ("ministack.services.sns", "_deliver_to_sqs"),
    ("ministack.services.sqs", "_HANDLERS"),
    ("ministack.services.sqs", "_act_send_message"),
    ("ministack.services.sqs", "_collect_msgs"),
    ("ministack.services.sqs", "_dlq_sweep"),
    ("ministack.services.sqs", "_expire_retained"),
    ("ministack.services.sqs", "_queue_by_arn"),
    ("ministack.services.sqs", "_queues_lock"),
)

CHANGING_ACTIONS = ("SendMessage", "SendMessageBatch", "DeleteMessage", "DeleteMessageBatch", "PurgeQueue")
CHANGING_FUNCTIONS = (
    (sqs, "_collect_msgs"),
    (sqs, "_dlq_sweep"),
    (sqs, "_expire_retained"),
    (s3, "_deliver_event_to_sqs"),
    (sns, "_deliver_to_sqs"),
)

# The poller already holds MiniStack's lock when it calls what we wrap: it must be re-entrant.
lock = threading.RLock()


def exists(queue_arn: str) -> bool:
    return sqs._queue_by_arn(queue_arn) is not None


def is_fifo(queue_arn: str) -> bool:
    return bool(sqs._queue_by_arn(queue_arn)["is_fifo"])


def attributes(queue_arn: str) -> Mapping[str, str]:
    found: Mapping[str, str] = sqs._queue_by_arn(queue_arn)["attributes"]
    return found


def messages(queue_arn: str) -> list[dict[str, Any]]:
    """What is in the queue now, visible or not; [] when there is no such queue any more."""
    with lock:
        queue = sqs._queue_by_arn(queue_arn)
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
    contextvars.Context().run(_send, account(), region(), sqs._queue_by_arn(queue_arn)["url"], request)


def _send(account_id: str, region_name: str, url: str, request: dict[str, Any]) -> None:
    with request_scope(account_id, region_name):
        iam_evaluator.pin_request_origin("127.0.0.1", True)
        with lock:
            sqs._act_send_message(request, url)


def _locked(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **named: Any) -> Any:
        with lock:
            return function(*args, **named)

    return call


def install() -> None:
    sqs._queues_lock = lock
    for action in CHANGING_ACTIONS:
        sqs._HANDLERS[action] = _locked(sqs._HANDLERS[action])
    for module, name in CHANGING_FUNCTIONS:
        setattr(module, name, _locked(getattr(module, name)))
