"""From a data set to a registered model: rule, start_training, and a SageMaker pipeline for each model."""

from typing import Any

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk.aws_lambda_event_sources import SqsEventSource
from aws_cdk.aws_s3_assets import Asset
from constructs import Construct

from contract import Contract
from stacks.constructs.access import MANY, grant, grant_absence, grant_assets, grant_objects
from stacks.constructs.job_roles import JobAssets, JobRoles
from stacks.constructs.network import vpc_config
from stacks.constructs.platform_function import PlatformFunction, contract_layer
from stacks.constructs.queues import DeadLetterQueue, WorkQueue
from stacks.constructs.trust import trusted
from stacks.constructs.xgboost_image import XGBoostImage
from stacks.naming import EVERY, pascal
from stacks.pipeline_definition import Code, CodeFile, Compute, PipelineInputs, Roles, definition
from stacks.platform_stack import Foundation, ModelStack

# Of reading an artifact of some hundred megabytes twice, and writing it.
KEEP = Duration.minutes(5)
MEMORY_MB = 512


class TrainingStack(ModelStack):
    def __init__(self, scope: Construct, construct_id: str, *, foundation: Foundation, commit: str) -> None:
        super().__init__(scope, construct_id, foundation=foundation, description="Data sets become registered models")
        self._commit = commit
        self._image = XGBoostImage(self, "Image")
        self._images: dict[Stack, XGBoostImage] = {self: self._image}
        self._assets = JobAssets(
            steps=self._bundles.pipeline.asset(self, "Steps"),
            library=self._bundles.library.asset(self, "Library"),
            source=self._bundles.training_source.asset(self, "TrainingSource"),
        )
        self._jobs = {model: self._job_roles(model) for model in self._scopes}
        self._layer = contract_layer(self, self._bundles)
        self._dead_letters = DeadLetterQueue(self, "TrainingDlq", alerts=self._alerts)
        self._keep = self._add_keep()
        self._add_start()
        self._add_alarm()
        self._add_pipelines()
        CfnOutput(self, "ModelNames", value=",".join(self._models))
        CfnOutput(self, "JobTimeoutSeconds", value=str(self._config.jobs.timeout_seconds))
        # A diff of unchanged code takes it from here, or it would show the commit alone.
        CfnOutput(self, "CodeCommit", value=commit)

    def _job_roles(self, model: str) -> JobRoles:
        return JobRoles(
            self,
            prefix=self._config.prefix,
            model=model,
            buckets=self._buckets,
            assets=self._assets,
            image=self._image,
            in_network=self._config.network is not None,
        )

    def _add_keep(self) -> PlatformFunction:
        """No job may write where it keeps artifacts, and it writes none twice."""
        artifact = self._buckets.artifact
        function = PlatformFunction(
            self,
            "KeepModel",
            description="Keeps the artifact of a model that passed the gate",
            code=self._bundles.functions["keep_model"],
            layer=self._layer,
            environment={"ARTIFACT_BUCKET": artifact.bucket_name},
            dead_letters=self._dead_letters,
            alerts=self._alerts,
            log_retention=self._config.log_retention,
            timeout=KEEP,
            memory_mb=MEMORY_MB,
        )
        role = function.own_role
        grant_objects(role, artifact, [f"{model}/trained/*" for model in self._scopes], "s3:GetObject")
        kept = [f"{model}/models/*" for model in self._scopes]
        # The same model may be kept already: it is read again.
        grant_objects(role, artifact, kept, "s3:PutObject", "s3:GetObject", "s3:GetObjectVersion")
        return function

    def _add_pipelines(self) -> None:
        role = self._add_pipeline_role()
        for contract in self._contracts.values():
            home = self._home(contract.name)
            document = definition(contract, self._inputs(contract, home))
            pipeline = sagemaker.CfnPipeline(
                home,
                _free_id(home, contract.name),
                pipeline_name=self._config.resource_name(contract.name),
                pipeline_description=contract.description,
                pipeline_definition={"PipelineDefinitionBody": home.to_json_string(document)},
                role_arn=role.role_arn,
            )
            pipeline.node.add_dependency(role)

    def _image_in(self, home: Stack) -> XGBoostImage:
        """Its accounts stand in a mapping, which each template has to have itself."""
        if home not in self._images:
            self._images[home] = XGBoostImage(home, "Image")
        return self._images[home]

    def _inputs(self, contract: Contract, home: Stack) -> PipelineInputs:
        jobs, assets, network = self._config.jobs, self._assets, self._config.network
        own = self._jobs[EVERY if self._config.many_models else contract.name]
        key = self._buckets.artifact.encryption_key
        return PipelineInputs(
            artifact_bucket=self._buckets.artifact.bucket_name,
            package_group=self._config.resource_name(contract.name),
            job_prefix=self._config.prefix,
            approval=self._config.approval,
            keep_function=self._keep.function_arn,
            roles=Roles(
                prepare=own.prepare.role_arn,
                train=own.train.role_arn,
                evaluate=own.evaluate.role_arn,
            ),
            code=Code(
                steps=_code_file(assets.steps), library=_code_file(assets.library), source=assets.source.s3_object_url
            ),
            compute=Compute(
                image=self._image_in(home).uri,
                processing_instance=jobs.processing_instance,
                transform_instance=jobs.transform_instance,
                training_instance=jobs.training_instance,
                volume_gb=jobs.volume_gb,
                timeout_seconds=jobs.timeout_seconds,
                key=key.key_arn if key else None,
                vpc=vpc_config(network) if network else None,
            ),
        )

    def _add_pipeline_role(self) -> iam.Role:
        role = iam.Role(self, "PipelineRole", assumed_by=trusted(self, "sagemaker"))
        for kind, name in (("processing-job", "ProcessingJob"), ("training-job", "TrainingJob")):
            actions = [f"sagemaker:{verb}{name}" for verb in ("Create", "Describe", "Stop")]
            named = self._sagemaker_arn(kind, f"{self._config.prefix}*")
            grant(
                role, [*actions, "sagemaker:AddTags"], [named], because="SageMaker numbers the jobs of its pipelines."
            )
        for jobs in self._jobs.values():
            jobs.grant_pass(role)
        grant(role, ["lambda:InvokeFunction"], [self._keep.function_arn])
        groups = [self._config.resource_name(model) for model in self._scopes]
        registry = [self._sagemaker_arn("model-package-group", group) for group in groups]
        registry += [self._sagemaker_arn("model-package", f"{group}/*") for group in groups]
        # A register step asks to create its group in any case, also when the group is there.
        register = [f"sagemaker:{verb}" for verb in ("CreateModelPackageGroup", "CreateModelPackage")]
        register += ["sagemaker:DescribeModelPackage", "sagemaker:AddTags"]
        grant(role, register, registry, because="The registry numbers the versions of a model.")
        # The gate reads the evaluation, and registering checks that artifact and image can be read.
        read = [f"{model}/{path}" for model in self._scopes for path in ("*/evaluation/evaluation.json", "models/*")]
        grant_objects(role, self._buckets.artifact, read, "s3:GetObject")
        self._image.grant_read(role)
        return role

    def _add_start(self) -> None:
        processed = self._buckets.processed
        # Of events that came while the account ran as many pipelines as it may.
        waiting = WorkQueue(
            self, "WaitingQueue", retry_after=Duration.minutes(3), attempts=5, dead_letters=self._dead_letters
        )
        self.start = function = PlatformFunction(
            self,
            "StartTraining",
            description="Starts the pipeline: once for a new data set, and for each attempt that is asked for",
            code=self._bundles.functions["start_training"],
            layer=self._layer,
            environment={
                "RESOURCE_PREFIX": self._config.prefix,
                "PROCESSED_BUCKET": processed.bucket_name,
                "ARTIFACT_BUCKET": self._buckets.artifact.bucket_name,
                "CODE_COMMIT": self._commit,
                "CODE_URIS": " ".join(asset.s3_object_url for asset in self._assets.all),
                "WAITING_QUEUE_URL": waiting.queue_url,
            },
            dead_letters=self._dead_letters,
            alerts=self._alerts,
            log_retention=self._config.log_retention,
            timeout=Duration.seconds(30),
        )
        self._grant_start(function.own_role)
        function.add_event_source(SqsEventSource(waiting, batch_size=1))
        grant(function.own_role, ["sqs:SendMessage"], [waiting.queue_arn])
        prepared = events.EventPattern(
            source=["aws.s3"],
            detail_type=["Object Created"],
            detail={"bucket": {"name": [processed.bucket_name]}, "object": {"key": [{"suffix": "/manifest.json"}]}},
        )
        requested = events.EventPattern(source=[self._config.event_source], detail_type=["Training Requested"])
        target = targets.LambdaFunction(
            function, dead_letter_queue=self._dead_letters, retry_attempts=5, max_event_age=Duration.hours(6)
        )
        for name, description, pattern in (
            ("Prepared", "A data set is complete: its manifest is written last", prepared),
            ("Requested", "Somebody wants a data set trained on again", requested),
        ):
            events.Rule(self, name, description=description, event_pattern=pattern, targets=[target])

    def _grant_start(self, role: iam.IRole) -> None:
        """Read manifests, find the champion and copy it, start pipelines."""
        names, artifact = [self._config.resource_name(model) for model in self._scopes], self._buckets.artifact
        grant_assets(role, *self._assets.all)
        manifests = [f"{model}/run=*/manifest.json" for model in self._scopes]
        grant_objects(role, self._buckets.processed, manifests, "s3:GetObject")
        kept = [f"{model}/models/*" for model in self._scopes]
        # Exactly the bytes that were registered; S3 asks for the first one where no version was recorded.
        grant_objects(role, artifact, kept, "s3:GetObject", "s3:GetObjectVersion")
        # What the champion's evaluation recorded is looked at, and not read. It may be gone, and so may the artifact.
        records = [f"{model}/*/evaluation/*" for model in self._scopes]
        grant_objects(role, artifact, records, "s3:GetObject")
        grant_absence(role, artifact, versions=True)
        champions = [f"{model}/champions/*" for model in self._scopes]
        grant_objects(role, artifact, champions, "s3:GetObject", "s3:PutObject")
        grant(
            role,
            ["sagemaker:ListModelPackages", "sagemaker:DescribeModelPackage"],
            [
                *(self._sagemaker_arn("model-package-group", name) for name in names),
                *(self._sagemaker_arn("model-package", f"{name}/*") for name in names),
            ],
            because="The registry numbers the versions of a model.",
        )
        pipelines = [self._sagemaker_arn("pipeline", name) for name in names]
        grant(role, ["sagemaker:StartPipelineExecution"], pipelines, because=MANY)

    def _add_alarm(self) -> None:
        """The step of kind Fail is how the gate turns a model down, which is nothing broken."""
        self._alerts.add_for_event(
            self,
            "StepFailed",
            source="aws.sagemaker",
            detail_type="SageMaker Model Building Pipeline Execution Step Status Change",
            detail={
                "pipelineArn": self._pipelines(),
                "currentStepStatus": ["Failed"],
                "stepType": [{"anything-but": "Fail"}],
            },
            name="pipeline-failures",
            runbook="pipeline-failures",
            means="A step of a training pipeline failed.",
        )

    def _pipelines(self) -> list[Any]:
        """Their ARNs, as a pattern of events asks for them."""
        if self._config.many_models:
            return [{"prefix": self._sagemaker_arn("pipeline", self._config.prefix)}]
        return [self._sagemaker_arn("pipeline", self._config.resource_name(model)) for model in self._models]

    def _sagemaker_arn(self, kind: str, name: str) -> str:
        return self.format_arn(service="sagemaker", resource=kind, resource_name=name)


def _free_id(home: Stack, model: str) -> str:
    """A model may be called like something else in the stack: image, start_training."""
    construct_id = pascal(model)
    return construct_id if home.node.try_find_child(construct_id) is None else f"{construct_id}Pipeline"


def _code_file(asset: Asset) -> CodeFile:
    return CodeFile(uri=asset.s3_object_url, name=asset.s3_object_key.rsplit("/", 1)[-1])
