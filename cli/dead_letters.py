"""What was given up and waits in dead letter queues."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cli.errors import CliError
from cli.target import Target

# Ids of these queues in the templates.
DEAD_LETTERS = re.compile(r"(?P<name>.+)Dlq[0-9A-F]{8}")
BATCH = 10  # what ReceiveMessage gives at most
SHOWN = 100  # messages that a look reads at most
HOLD_SECONDS = 60  # longer than a batch takes to go back


@dataclass(frozen=True)
class Queue:
    """`name` is what people call it: `upload` for UploadDlq."""

    name: str
    url: str
    arn: str
    waiting: int


@dataclass(frozen=True)
class Letter:
    """A message. `source` is the ARN of the queue that gave it up, `facts` what EventBridge or Lambda said of it.

    `group`: its message group, in a queue that has those.
    """

    body: str
    receipt: str
    sent: datetime
    source: str
    facts: Mapping[str, str]
    group: str = ""

    @property
    def reason(self) -> str:
        if self.source:
            queue = self.source.rsplit(":", 1)[1]
            return f"handed out from {queue} as often as it may be; the function's log says why it failed"
        code = self.facts.get("ERROR_CODE") or self.facts.get("ErrorCode") or "no reason"
        text = self.facts.get("ERROR_MESSAGE") or self.facts.get("ErrorMessage") or ""
        return f"{code}: {text}" if text else code

    @property
    def event(self) -> Mapping[str, Any]:
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def about(self) -> str:
        """What an event is about, in a few words."""
        detail = fields_of(self.event.get("detail"))
        subject = fields_of(detail.get("object")).get("key") or next(
            (detail[key] for key in ("ModelPackageArn", "EndpointName", "TransformJobName", "run_id") if key in detail),
            "",
        )
        return f"{self.event.get('detail-type', 'a message')} {subject}".strip()


def fields_of(value: Any) -> Mapping[str, Any]:
    """Anybody may send a message: what should be an object may be anything."""
    return value if isinstance(value, dict) else {}


def queues(target: Target, only: str | None = None) -> list[Queue]:
    """The environment's dead letter queues. Raises CliError for a name that none has."""
    found = []
    for logical_id, url in sorted(target.resources("AWS::SQS::Queue").items()):
        match = DEAD_LETTERS.fullmatch(logical_id)
        if match:
            names = ["QueueArn", "ApproximateNumberOfMessages"]
            attributes = target.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
            waiting = int(attributes["ApproximateNumberOfMessages"])
            found.append(Queue(match["name"].lower(), url, attributes["QueueArn"], waiting))
    if only is None:
        return found
    chosen = [queue for queue in found if queue.name == only.lower().removesuffix("dlq").rstrip("-")]
    if not chosen:
        known = ", ".join(queue.name for queue in found)
        raise CliError(f"There is no dead letter queue '{only}' in {target.stage}.", f"Queues: {known}.")
    return chosen


def look(target: Target, queue: Queue) -> list[Letter]:
    """Its messages, the oldest first, at most a hundred of them. They stay, and can be received at once."""
    held: list[Letter] = []
    for batch in received(target, queue, limit=min(queue.waiting, SHOWN)):
        held += batch
    release(target, queue, held)
    return sorted(held, key=lambda letter: letter.sent)


def received(target: Target, queue: Queue, *, limit: int) -> Iterator[list[Letter]]:
    """Batches, until there are `limit` messages or no more. Each is held from others for a while."""
    count = 0
    while count < limit:
        messages = target.client("sqs").receive_message(
            QueueUrl=queue.url,
            MaxNumberOfMessages=min(BATCH, limit - count),
            VisibilityTimeout=HOLD_SECONDS,
            WaitTimeSeconds=1,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        letters = [_letter(message) for message in messages.get("Messages", [])]
        if not letters:
            return
        count += len(letters)
        yield letters


def _letter(message: Mapping[str, Any]) -> Letter:
    system = message.get("Attributes", {})
    facts = {name: item.get("StringValue", "") for name, item in message.get("MessageAttributes", {}).items()}
    return Letter(
        body=message["Body"],
        receipt=message["ReceiptHandle"],
        sent=datetime.fromtimestamp(int(system["SentTimestamp"]) / 1000, UTC),
        source=system.get("DeadLetterQueueSourceArn", ""),
        facts=facts,
        group=system.get("MessageGroupId", ""),
    )


def release(target: Target, queue: Queue, letters: list[Letter]) -> None:
    for letter in letters:
        target.client("sqs").change_message_visibility(
            QueueUrl=queue.url, ReceiptHandle=letter.receipt, VisibilityTimeout=0
        )
