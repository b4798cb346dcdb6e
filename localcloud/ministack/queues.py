"""Queues of SQS. Hold `replace_lock`'s lock around everything that changes one."""

from collections.abc import Callable
from typing import Any

from ministack.core import concurrency as _concurrency
from ministack.services import sns as _sns
from ministack.services import sqs as _sqs

from localcloud.ministack import s3, scope
from localcloud.ministack.replacing import replace, wrap

Make = Callable[[Callable[..., Any]], Callable[..., Any]]
Queue = dict[str, Any]
_CHANGING = ("SendMessageBatch", "DeleteMessage", "DeleteMessageBatch", "PurgeQueue")


def find(queue_arn: str) -> Queue | None:
    """The queue itself (url, name, attributes, is_fifo, messages); None when there is none."""
    found: Queue | None = _sqs._queue_by_arn(queue_arn)
    return found


def by_url(url: str) -> Queue:
    """The queue of a request to this URL."""
    found: Queue = _sqs._get_q(url)
    return found


def every() -> list[tuple[str, Queue]]:
    """URL and record of each queue of the account and region."""
    return list(_sqs._queues.items())


def queue_scopes() -> set[tuple[str, str]]:
    """The accounts and regions that have queues."""
    return scope.scopes(_sqs._queues)


def complete(message: dict[str, Any]) -> None:
    """Give a message the fields that older ones lack: sent_at, visible_at, receive_count."""
    _sqs._ensure_msg_fields(message)


def send(url: str, request: dict[str, Any]) -> Any:
    """SendMessage, without a check of permissions: answer of the API."""
    return _sqs._act_send_message(request, url)


def wake_pollers() -> None:
    """Let event source mappings look at their queues now."""
    _concurrency.esm_wake.set()


def wrap_send(make: Make) -> None:
    """Around sending a message, alone or in a batch, by whomever: (request, queue URL) -> answer."""
    # A batch calls the function by its name, a single message comes by the table.
    wrap(_sqs, "_act_send_message", make)
    _sqs._HANDLERS["SendMessage"] = make(_sqs._HANDLERS["SendMessage"])


def replace_lock(lock: Any) -> None:
    """Hold one lock in everything that replaces the list of a queue's messages.

    MiniStack's handlers run on the event loop while its pollers and deliveries run in threads: a message that is
    appended in between would be lost. It is re-entrant, since the poller holds it when it calls what is wrapped.
    """

    def locked(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            with lock:
                return function(*args, **named)

        return call

    replace(_sqs, "_queues_lock", lock)
    for action in _CHANGING:
        _sqs._HANDLERS[action] = locked(_sqs._HANDLERS[action])
    wrap(_sqs, "_collect_msgs", locked)
    wrap(_sqs, "_dlq_sweep", locked)
    wrap(_sqs, "_expire_retained", locked)
    wrap(_sns, "_deliver_to_sqs", locked)
    s3.wrap_queue_delivery(locked)
