"""What waits in a queue for its turn, and is no failure."""

from __future__ import annotations

from typing import Any

# The longest that SQS delays a message.
LONGEST_DELAY = 900


def put_back(sqs: Any, queue_url: str, body: str, *, seconds: int) -> None:
    """Send a message anew, to come after this time, at most 900 s. The one that was received is done.

    Waiting so, it uses up no attempts and does not grow old: those are for what fails. Who dies before the received one
    is deleted leaves two, which the receiver takes for one.
    """
    sqs.send_message(QueueUrl=queue_url, MessageBody=body, DelaySeconds=min(seconds, LONGEST_DELAY))
