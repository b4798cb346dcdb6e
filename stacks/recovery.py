"""What keeps a lost event from leaving anything behind: a function that looks from time to time, and its alarm."""

from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk.aws_lambda import IFunction
from aws_cdk.aws_sqs import IQueue
from constructs import Construct

from contract import BATCH_PREFIX
from stacks.constructs.access import MANY, UNSCOPED, grant, grant_listing, grant_metrics, grant_objects
from stacks.constructs.alerts import FIVE_MINUTES
from stacks.constructs.platform_function import PlatformFunction, contract_layer
from stacks.constructs.queues import DeadLetterQueue
from stacks.platform_stack import LATE, RECEIPTS, Foundation, ModelStack

CHECK = Duration.minutes(10)
# Where the function keeps how far it came.
PROGRESS = "reconcile/progress.json"


@dataclass(frozen=True)
class Followers:
    """What events start: queues that get them, and functions that are invoked with them."""

    uploads: IQueue
    training: IFunction
    batches: IQueue
    batch_ends: IFunction


class RecoveryStack(ModelStack):
    def __init__(self, scope: Construct, construct_id: str, *, foundation: Foundation, followers: Followers) -> None:
        super().__init__(
            scope, construct_id, foundation=foundation, description="What a lost event should have started"
        )
        self._followers = followers
        function = self._add_function()
        self._grant(function.own_role)
        described = "What is there is compared with what should have followed"
        function.run_every(CHECK, self, "Looked", description=described)
        self._add_alarm()

    def _add_function(self) -> PlatformFunction:
        buckets, followers = self._buckets, self._followers
        return PlatformFunction(
            self,
            "Reconcile",
            description="Starts what a lost event should have started",
            code=self._bundles.functions["reconcile"],
            layer=contract_layer(self, self._bundles),
            environment={
                "RESOURCE_PREFIX": self._config.prefix,
                "STAGE": self._config.name,
                "RAW_BUCKET": buckets.raw.bucket_name,
                "PROCESSED_BUCKET": buckets.processed.bucket_name,
                "ARTIFACT_BUCKET": buckets.artifact.bucket_name,
                "WORKFLOW": f"{self._config.prefix}etl",
                "UPLOAD_QUEUE_URL": followers.uploads.queue_url,
                "BATCH_QUEUE_URL": followers.batches.queue_url,
                "START_TRAINING": followers.training.function_name,
                "FINISH_BATCH": followers.batch_ends.function_name,
                "LATE_SECONDS": str(LATE.to_seconds()),
            },
            dead_letters=DeadLetterQueue(self, "RecoveryDlq", alerts=self._alerts),
            alerts=self._alerts,
            log_retention=self._config.log_retention,
            timeout=FIVE_MINUTES,
        )

    def _grant(self, role: iam.IRole) -> None:
        """See what there is, say that it was there, and hand it to who was not told."""
        buckets, followers = self._buckets, self._followers
        # S3 lists versions by name: the files of all models in one go.
        grant(role, ["s3:ListBucketVersions"], [buckets.raw.bucket_arn])
        manifests = [f"{model}/run=*/manifest.json" for model in self._scopes]
        grant_listing(role, buckets.processed, [f"{RECEIPTS}*", PROGRESS, *manifests])
        grant_listing(role, buckets.artifact, [f"{model}/{BATCH_PREFIX}*" for model in self._scopes])
        grant_objects(role, buckets.processed, [PROGRESS], "s3:GetObject", "s3:PutObject")
        workflow = self.format_arn(service="glue", resource="workflow", resource_name=f"{self._config.prefix}etl")
        grant(role, ["glue:GetWorkflowRuns"], [workflow])
        names = [self._config.resource_name(model) for model in self._scopes]
        pipelines = [self.format_arn(service="sagemaker", resource="pipeline", resource_name=name) for name in names]
        grant(role, ["sagemaker:ListPipelineExecutions"], pipelines, because=MANY)
        grant(role, ["sagemaker:ListTransformJobs"], ["*"], because=UNSCOPED)
        grant(role, ["sqs:SendMessage"], [followers.uploads.queue_arn, followers.batches.queue_arn])
        invoked = [followers.training.function_arn, followers.batch_ends.function_arn]
        grant(role, ["lambda:InvokeFunction"], invoked)
        grant_metrics(role, self._config.metrics)

    def _add_alarm(self) -> None:
        """deploy_model counts what it finds of approvals and endpoints in the same metric."""
        metric = cloudwatch.Metric(
            namespace=self._config.metrics,
            metric_name="LostEvents",
            dimensions_map={"Stage": self._config.name},
            statistic="Sum",
            period=FIVE_MINUTES,
        )
        self._alerts.add(
            self,
            metric,
            name="lost-events",
            runbook="lost-events",
            means="An event did not arrive. What should have followed was started by a look at what is there.",
        )
