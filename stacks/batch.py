"""From a file below batch/<model>/ to its predictions: rule, queue, start_batch, transform jobs, finish_batch."""

import json
from collections.abc import Sequence

from aws_cdk import CfnOutput, Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk.aws_lambda import ILayerVersion
from aws_cdk.aws_lambda_event_sources import SqsEventSource
from constructs import Construct

from contract import BATCH_PREFIX
from stacks.constructs.access import (
    grant,
    grant_absence,
    grant_listing,
    grant_logs,
    grant_metrics,
    grant_objects,
    grant_pass,
    grant_volume,
)
from stacks.constructs.network import grant_interfaces, vpc_config
from stacks.constructs.platform_function import PlatformFunction, contract_layer
from stacks.constructs.queues import DeadLetterQueue, WorkQueue
from stacks.constructs.trust import trusted
from stacks.constructs.xgboost_image import XGBoostImage
from stacks.naming import pascal
from stacks.platform_stack import Foundation, ModelStack

NUMBERED = "Versions, models and jobs are numbered."
# Time to rewrite the largest file, one record a line: the most that a function has. Most files take seconds.
REWRITE = Duration.minutes(15)
# Time to count the rows of the largest file.
COUNT = Duration.minutes(5)
# A whole processor.
MEMORY_MB = 1769


class BatchStack(ModelStack):
    def __init__(self, scope: Construct, construct_id: str, *, foundation: Foundation) -> None:
        super().__init__(
            scope, construct_id, foundation=foundation, description="Files of rows become files of predictions"
        )
        self._key = self._buckets.artifact.encryption_key
        self._names = [self._config.resource_name(model) for model in self._scopes]
        self._image = XGBoostImage(self, "Image")
        layer = contract_layer(self, self._bundles)
        dead_letters = DeadLetterQueue(self, "BatchDlq", alerts=self._alerts)
        self._add_start(layer, dead_letters)
        self._add_finish(layer, dead_letters)
        CfnOutput(self, "BatchDlqUrl", value=dead_letters.queue_url)

    def _add_start(self, layer: ILayerVersion, dead_letters: DeadLetterQueue) -> None:
        # Attempts are for failures: a file for which the account has no instance is put back, and waits.
        self.uploads = queue = WorkQueue(
            self, "BatchQueue", retry_after=Duration.minutes(16), attempts=8, dead_letters=dead_letters
        )
        rule = events.Rule(
            self,
            "BatchUploaded",
            description="A file of rows to predict lands",
            event_pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created"],
                detail={
                    "bucket": {"name": [self._buckets.raw.bucket_name]},
                    "object": {"key": [{"prefix": BATCH_PREFIX}]},
                },
            ),
        )
        rule.add_target(targets.SqsQueue(queue, dead_letter_queue=dead_letters))
        roles = {model: self._add_model_role(model) for model in self._scopes}
        environment = {
            **self._environment(),
            "RESOURCE_PREFIX": self._config.prefix,
            "MODEL_ROLE_ARNS": self.to_json_string({model: role.role_arn for model, role in roles.items()}),
            "INSTANCE_TYPE": self._config.jobs.transform_instance,
            "BATCH_QUEUE_URL": queue.queue_url,
        }
        if self._key is not None:
            environment["KMS_KEY_ARN"] = self._key.key_arn
        if self._config.network is not None:
            environment["VPC_CONFIG"] = json.dumps(vpc_config(self._config.network))
        function = PlatformFunction(
            self,
            "StartBatch",
            description="Starts a batch transform for a file, once",
            code=self._bundles.functions["start_batch"],
            layer=layer,
            environment=environment,
            dead_letters=dead_letters,
            alerts=self._alerts,
            log_retention=self._config.log_retention,
            timeout=REWRITE,
            memory_mb=MEMORY_MB,
        )
        function.add_event_source(SqsEventSource(queue, batch_size=1))
        grant(function.own_role, ["sqs:SendMessage"], [queue.queue_arn])
        self._grant_start(function.own_role, list(roles.values()))

    def _add_finish(self, layer: ILayerVersion, dead_letters: DeadLetterQueue) -> None:
        self.finish = function = PlatformFunction(
            self,
            "FinishBatch",
            description="Records how a batch transform ended",
            code=self._bundles.functions["finish_batch"],
            layer=layer,
            environment=self._environment(),
            dead_letters=dead_letters,
            alerts=self._alerts,
            log_retention=self._config.log_retention,
            timeout=COUNT,
            memory_mb=MEMORY_MB,
        )
        rule = events.Rule(
            self,
            "BatchEnded",
            description="A transform job of a model ends",
            event_pattern=events.EventPattern(
                source=["aws.sagemaker"],
                detail_type=["SageMaker Transform Job State Change"],
                detail={
                    "TransformJobName": self._job_names(),
                    "TransformJobStatus": ["Completed", "Failed", "Stopped"],
                },
            ),
        )
        rule.add_target(
            targets.LambdaFunction(
                function, dead_letter_queue=dead_letters, retry_attempts=5, max_event_age=Duration.hours(6)
            )
        )
        role = function.own_role
        grant(role, ["sagemaker:DescribeTransformJob"], self._arns("transform-job", "-*"), because=NUMBERED)
        self._grant_folders(role, ["request.json", "input/lines.gz", "output/*"], "s3:GetObject")
        self._grant_folders(role, ["result.json"], "s3:PutObject")
        self._grant_folders(role, ["input/*"], "s3:DeleteObject")
        self._alerts.let_publish(role)

    def _job_names(self) -> list[dict[str, str]]:
        if self._config.many_models:
            return [{"prefix": self._config.prefix}]
        return [{"prefix": f"{name}-"} for name in self._names]

    def _environment(self) -> dict[str, str]:
        return {
            "ARTIFACT_BUCKET": self._buckets.artifact.bucket_name,
            "STAGE": self._config.name,
            "ALERTS_TOPIC_ARN": self._alerts.topic.topic_arn,
        }

    def _add_model_role(self, model: str) -> iam.Role:
        """What a model may do in a transform job; at an endpoint it may do less."""
        role = iam.Role(self, f"BatchModelRole{pascal(model)}", assumed_by=trusted(self, "sagemaker"))
        artifact, folder = self._buckets.artifact, f"{model}/batch/*"
        grant_objects(role, artifact, [f"{model}/models/*", f"{folder}/input/*"], "s3:GetObject")
        grant_listing(role, artifact, [folder])
        grant_objects(role, artifact, [f"{folder}/output/*"], "s3:PutObject")
        grant_logs(role, "/aws/sagemaker/TransformJobs", streams=self._config.prefix)
        grant_metrics(role, "/aws/sagemaker/TransformJobs")
        self._image.grant_pull(role)
        if self._config.network is not None:
            grant_interfaces(role)
        if self._key is not None:
            grant_volume(role, self._key)
        return role

    def _grant_start(self, role: iam.IRole, model_roles: Sequence[iam.IRole]) -> None:
        files = [f"{BATCH_PREFIX}{model}/*" for model in self._scopes]
        grant_objects(role, self._buckets.raw, files, "s3:GetObjectVersion")
        grant_absence(role, self._buckets.raw, versions=True)
        self._grant_folders(role, ["input/*", "request.json", "result.json"], "s3:PutObject")
        # A file goes up in parts, which are given up with it.
        self._grant_folders(role, ["input/*"], "s3:AbortMultipartUpload")
        # What an earlier delivery found out, which may have met no free instance.
        self._grant_folders(role, ["request.json"], "s3:GetObject")
        # A version's contract lies in its artifact, whose bytes have to be those that were registered, and may be gone.
        grant_objects(role, self._buckets.artifact, [f"{model}/models/*" for model in self._scopes], "s3:GetObject")
        grant_absence(role, self._buckets.artifact)
        packages = self._arns("model-package", "/*")
        groups, models, jobs = (
            self._arns("model-package-group"),
            self._arns("model", "-b*"),
            self._arns("transform-job", "-*"),
        )
        for actions, resources in (
            (["ListModelPackages", "DescribeModelPackage"], packages + groups),
            # A model that is made of a model package reads the package.
            (["CreateModel"], models + packages),
            (["DescribeModel", "AddTags"], models),
            (["CreateTransformJob", "DescribeTransformJob", "AddTags"], jobs),
        ):
            grant(role, [f"sagemaker:{action}" for action in actions], resources, because=NUMBERED)
        grant_pass(role, model_roles, "sagemaker.amazonaws.com")
        self._alerts.let_publish(role)

    def _grant_folders(self, role: iam.IRole, paths: list[str], action: str) -> None:
        """`paths` within the folder of a batch."""
        patterns = [f"{model}/batch/*/{path}" for model in self._scopes for path in paths]
        grant_objects(role, self._buckets.artifact, patterns, action)

    def _arns(self, kind: str, suffix: str = "") -> list[str]:
        return [
            self.format_arn(service="sagemaker", resource=kind, resource_name=f"{name}{suffix}") for name in self._names
        ]
