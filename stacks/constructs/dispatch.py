"""What starts the Glue workflow for the files that wait, in their turn: its queue, function and events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk.aws_lambda_event_sources import SqsEventSource
from aws_cdk.aws_s3 import IBucket
from constructs import Construct

from stacks.bundles import FunctionCode
from stacks.config import StageConfig
from stacks.constructs.access import grant, grant_listing, grant_objects
from stacks.constructs.alerts import Alerts
from stacks.constructs.platform_function import PlatformFunction
from stacks.constructs.queues import DeadLetterQueue, WorkQueue

# Longer than the function waits for a place after the end of a job.
TIMEOUT = Duration.seconds(100)
# Makes up for an event that is lost, and for a workflow run that ends late after its job.
CLOCK = Duration.minutes(2)
ENDED = ["SUCCEEDED", "FAILED", "TIMEOUT", "STOPPED", "ERROR"]


@dataclass(frozen=True)
class Workflow:
    """`environment`: what its functions are told."""

    arn: str
    job: str
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Waiting:
    """The waiting list in the processed bucket, and what is noted of the runs."""

    bucket: IBucket
    models: Sequence[str]
    prefix = "_waiting/"
    running = "_running.json"

    @property
    def claims(self) -> list[str]:
        return [f"{model}/run=*/claim.json" for model in self.models]

    @property
    def tickets(self) -> list[str]:
        return [f"{self.prefix}{model}/*" for model in self.models]


@dataclass(frozen=True)
class Uploads:
    """Where uploads come from, and where those go that Glue does not take."""

    queue: WorkQueue
    dead_letters: DeadLetterQueue


class Dispatch:
    """One at a time: its queue has one message group, and what is in a group waits for what was handed out of it."""

    def __init__(
        self,
        scope: Construct,
        *,
        config: StageConfig,
        code: FunctionCode,
        layer: lambda_.ILayerVersion,
        alerts: Alerts,
        workflow: Workflow,
        waiting: Waiting,
        uploads: Uploads,
    ) -> None:
        self._scope, self._workflow, self._waiting, self._uploads = scope, workflow, waiting, uploads
        dead_letters = DeadLetterQueue(scope, "DispatchDlq", alerts=alerts, fifo=True)
        self._queue = WorkQueue(
            scope,
            "DispatchQueue",
            retry_after=Duration.minutes(2),
            attempts=3,
            dead_letters=dead_letters,
            fifo=True,
        )
        function = PlatformFunction(
            scope,
            "DispatchEtl",
            description="Starts the Glue workflow for the files that wait, in their turn",
            code=code,
            module="dispatch",
            layer=layer,
            environment={
                **workflow.environment,
                "CONCURRENT_RUNS": str(config.glue.concurrent_runs),
                "UPLOAD_QUEUE_ARN": uploads.queue.queue_arn,
                "UPLOAD_DLQ_URL": uploads.dead_letters.queue_url,
            },
            dead_letters=uploads.dead_letters,
            alerts=alerts,
            log_retention=config.log_retention,
            timeout=TIMEOUT,
        )
        function.add_event_source(SqsEventSource(self._queue, batch_size=10))
        self._grant(function.own_role)
        self._add_events()

    def _grant(self, role: iam.IRole) -> None:
        waiting, bucket = self._waiting, self._waiting.bucket
        grant_objects(role, bucket, waiting.claims, "s3:GetObject", "s3:PutObject")
        grant_objects(role, bucket, waiting.tickets, "s3:GetObject", "s3:DeleteObject")
        grant_objects(role, bucket, [waiting.running], "s3:GetObject", "s3:PutObject")
        grant_listing(role, bucket, [f"{waiting.prefix}*", waiting.running])
        runs = ["glue:StartWorkflowRun", "glue:GetWorkflowRun", "glue:GetWorkflowRuns"]
        grant(role, runs, [self._workflow.arn])
        grant(role, ["sqs:SendMessage"], [self._uploads.dead_letters.queue_arn])

    def _add_events(self) -> None:
        # Each event has the whole list looked at: the next one makes up for one that does not arrive.
        target = targets.SqsQueue(self._queue, message_group_id="dispatch")
        listed = {
            "bucket": {"name": [self._waiting.bucket.bucket_name]},
            "object": {"key": [{"prefix": self._waiting.prefix}]},
        }
        ended = {"jobName": [self._workflow.job], "state": ENDED}
        for name, description, pattern in (
            ("Waits", "A file is put on the waiting list", _pattern("aws.s3", "Object Created", listed)),
            ("Ended", "A job ends, and leaves its place", _pattern("aws.glue", "Glue Job State Change", ended)),
        ):
            events.Rule(self._scope, name, description=description, event_pattern=pattern, targets=[target])
        clock = events.Schedule.rate(CLOCK)
        events.Rule(self._scope, "Clock", description="The waiting list is looked at", schedule=clock, targets=[target])


def _pattern(source: str, detail_type: str, detail: Mapping[str, Any]) -> events.EventPattern:
    return events.EventPattern(source=[source], detail_type=[detail_type], detail=dict(detail))
