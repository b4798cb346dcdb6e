"""Queues that lose nothing: encrypted, TLS only, with a place for what could not be handled."""

from aws_cdk import Duration
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.constructs.alerts import MINUTE, Alerts, dashed


class DeadLetterQueue(sqs.Queue):
    """What was given up. Messages stay for the 14 days that SQS allows, for a person to look at and redrive.

    Ids end with `Dlq`: so `mlops redrive` tells these queues from others.
    """

    def __init__(self, scope: Construct, construct_id: str, *, alerts: Alerts, fifo: bool = False) -> None:
        """`fifo`: of a queue that is one, which wants the like."""
        super().__init__(
            scope,
            construct_id,
            fifo=fifo or None,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
        )
        alerts.add(
            self,
            self.metric_approximate_number_of_messages_visible(statistic="Maximum", period=MINUTE),
            name=dashed(construct_id),
            runbook="dead-letters",
            means=f"Something was given up after its retries and waits in {construct_id}.",
        )


class WorkQueue(sqs.Queue):
    """Events that wait for a function. A message comes back after `retry_after`, `attempts` times at most.

    `fifo`: those of one message group are handed out in their order, and none while others are being worked on.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        retry_after: Duration,
        attempts: int,
        dead_letters: DeadLetterQueue,
        fifo: bool = False,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            fifo=fifo or None,
            # No two events are equal: each has an id.
            content_based_deduplication=fifo or None,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            visibility_timeout=retry_after,
            retention_period=Duration.days(4),
            dead_letter_queue=sqs.DeadLetterQueue(queue=dead_letters, max_receive_count=attempts),
        )
