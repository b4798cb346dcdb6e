"""What CloudWatch knows of the queues, namespace AWS/SQS, as long as there is something in them."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from localcloud.cloudwatch import metrics
from localcloud.cloudwatch.metrics import Sample
from localcloud.ministack import queues, scope

NAMESPACE = "AWS/SQS"
_filled: set[str] = set()
"""Queues, by URL, that held messages when they were looked at last: an emptied one is told of once more."""


def publish() -> None:
    """For every queue of every account and region."""
    for place in queues.queue_scopes():
        with scope.acting_in(*place):
            _publish()


def _publish() -> None:
    now = time.time()
    for url, queue in queues.every():
        messages = list(queue["messages"])
        for message in messages:
            queues.complete(message)
        if not messages and url not in _filled:
            continue
        (_filled.add if messages else _filled.discard)(url)
        metrics.record(NAMESPACE, _samples(messages, now), {"QueueName": queue["name"]})


def _samples(messages: Sequence[Mapping[str, Any]], now: float) -> list[Sample]:
    waiting = [message for message in messages if message["visible_at"] <= now]
    delayed = [message for message in messages if message["visible_at"] > now and not message["receive_count"]]
    oldest = max((now - message["sent_at"] for message in messages), default=0.0)
    return [
        Sample("ApproximateNumberOfMessagesVisible", len(waiting), "Count"),
        Sample("ApproximateNumberOfMessagesDelayed", len(delayed), "Count"),
        Sample("ApproximateNumberOfMessagesNotVisible", len(messages) - len(waiting) - len(delayed), "Count"),
        Sample("ApproximateAgeOfOldestMessage", oldest, "Seconds"),
    ]
