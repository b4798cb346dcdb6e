"""The functions behind the REST API, and what each may do."""

from collections.abc import Mapping, Sequence

from aws_cdk import Duration, Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_lambda as lambda_
from aws_cdk.aws_sqs import IQueue
from constructs import Construct

from stacks.bundles import Bundles
from stacks.config import StageConfig
from stacks.constructs.access import MANY, UNSCOPED, grant, grant_absence, grant_objects, log_arns
from stacks.constructs.alerts import Alerts
from stacks.constructs.platform_function import PlatformFunction
from stacks.platform_stack import Buckets

# API Gateway waits 29 s at most: the function answers before that, and the model before the function.
TIMEOUT = Duration.seconds(29)
MODEL_TIMEOUT_SECONDS = 25
# Where the platform keeps what an API key is for; its functions and the command line know it as tracking.callers.
RECORDS = "api-keys/"
NUMBERED = "Versions, models and configurations are numbered."
# Where the jobs of an account write what they do, each to streams that start with its name.
LOG_GROUPS = ("/aws/sagemaker/ProcessingJobs", "/aws/sagemaker/TrainingJobs")


class ApiFunctions(Construct):
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: StageConfig,
        models: Sequence[str],
        bundles: Bundles,
        layer: lambda_.ILayerVersion,
        dead_letters: IQueue,
        buckets: Buckets,
        alerts: Alerts,
    ) -> None:
        super().__init__(scope, construct_id)
        self._config, self._models, self._buckets = config, models, buckets
        self._names = [config.resource_name(model) for model in models]
        self._bundles, self._layer, self._dead_letters, self._alerts = bundles, layer, dead_letters, alerts
        self.predict, self.platform = self._add_predict(), self._add_platform()

    def know(self, keys: Mapping[str, apigateway.IApiKey]) -> None:
        """The API keys of the deployment by name, which are for everything. What others are for stands in records."""
        bucket = self._buckets.artifact
        for function in (self.predict, self.platform):
            function.add_environment("API_KEYS", ",".join(f"{key.key_id}={name}" for name, key in keys.items()))
            grant_objects(function.own_role, bucket, [f"{RECORDS}*"], "s3:GetObject")
        stack = Stack.of(self)
        url = f"https://{bucket.bucket_name}.s3.{stack.region}.{stack.url_suffix}"
        self.predict.add_environment("ARTIFACT_BUCKET", bucket.bucket_name)
        self.predict.add_environment("ARTIFACT_BUCKET_URL", url)

    def _add_predict(self) -> PlatformFunction:
        stack = Stack.of(self)
        function = self._add_function(
            "Predict",
            asset="predict",
            reserved=self._config.concurrency.predict,
            description="Answers prediction requests from the endpoint of the model",
            environment={
                "MODEL_TIMEOUT_SECONDS": str(MODEL_TIMEOUT_SECONDS),
                "RUNTIME_URL": f"https://runtime.sagemaker.{stack.region}.{stack.url_suffix}",
            },
        )
        grant(function.own_role, ["sagemaker:InvokeEndpoint"], self._arns("endpoint"), because=MANY)
        return function

    def _add_platform(self) -> PlatformFunction:
        function = self._add_function(
            "Platform",
            asset="platform_api",
            reserved=self._config.concurrency.platform,
            description="Answers what there is to know about models, runs and versions",
            environment={
                "PROCESSED_BUCKET": self._buckets.processed.bucket_name,
                "ARTIFACT_BUCKET": self._buckets.artifact.bucket_name,
                "WORKFLOW": f"{self._config.prefix}etl",
                "JOB_TIMEOUT_SECONDS": str(self._config.jobs.timeout_seconds),
            },
        )
        self._grant_registry(function)
        self._grant_runs(function)
        self._grant_monitoring(function)
        return function

    def _add_function(
        self,
        construct_id: str,
        *,
        asset: str,
        description: str,
        reserved: int | None,
        environment: dict[str, str],
    ) -> PlatformFunction:
        shared = {"RESOURCE_PREFIX": self._config.prefix}
        if self._config.api.origins:
            shared["CORS_ORIGINS"] = ",".join(self._config.api.origins)
        return PlatformFunction(
            self,
            construct_id,
            description=description,
            code=self._bundles.functions[asset],
            layer=self._layer,
            environment={**shared, **environment},
            dead_letters=self._dead_letters,
            alerts=self._alerts,
            log_retention=self._config.log_retention,
            timeout=TIMEOUT,
            memory_mb=512,
            reserved=reserved,
        )

    def _grant_registry(self, function: PlatformFunction) -> None:
        role = function.own_role
        registry = [*self._arns("model-package", "/*"), *self._arns("model-package-group")]
        reading = ["sagemaker:ListModelPackages", "sagemaker:DescribeModelPackage"]
        grant(role, reading, registry, because=NUMBERED)
        grant(role, ["sagemaker:DescribeEndpoint"], self._arns("endpoint"), because=MANY)
        grant(role, ["sagemaker:DescribeEndpointConfig"], self._arns("endpoint-config", "-*"), because=NUMBERED)
        grant(role, ["sagemaker:DescribeModel"], self._arns("model", "-*"), because=NUMBERED)
        evaluations = [f"{model}/*/evaluation/*" for model in self._models]
        grant_objects(role, self._buckets.artifact, evaluations, "s3:GetObject")
        # Somebody may have deleted one: what is left is told.
        grant_absence(role, self._buckets.artifact)

    def _grant_runs(self, function: PlatformFunction) -> None:
        role, stack = function.own_role, Stack.of(self)
        documents = [
            f"{model}/run=*/{name}.json" for model in self._models for name in ("manifest", "refused", "claim")
        ]
        rows = [f"{model}/run=*/{folder}/*" for model in self._models for folder in ("rejects", "raw")]
        grant_objects(role, self._buckets.processed, [*documents, *rows], "s3:GetObject")
        # A run may not have written them yet.
        grant_absence(role, self._buckets.processed)
        workflow = stack.format_arn(service="glue", resource="workflow", resource_name=f"{self._config.prefix}etl")
        grant(role, ["glue:GetWorkflowRuns", "glue:GetWorkflowRun"], [workflow])
        grant(role, ["sagemaker:ListPipelineExecutions"], self._arns("pipeline"), because=MANY)
        executions = self._arns("pipeline", "/execution/*")
        grant(role, ["sagemaker:ListPipelineExecutionSteps"], executions, because="Executions are named by SageMaker.")
        # Streams are described by their group, and read by themselves.
        logs = [arn for name in LOG_GROUPS for arn in log_arns(role, name, streams=self._config.prefix)]
        # Its error and output, and, with a security configuration, groups whose names tell it.
        logs += log_arns(role, f"{self._config.glue_logs}/*")
        named = "SageMaker and Glue name the groups and streams of their jobs."
        grant(role, ["logs:DescribeLogStreams", "logs:GetLogEvents"], logs, because=named)

    def _grant_monitoring(self, function: PlatformFunction) -> None:
        role = function.own_role
        # A listing by prefix is a question about all alarms.
        grant(role, ["cloudwatch:GetMetricData", "cloudwatch:DescribeAlarms"], ["*"], because=UNSCOPED)

    def _arns(self, kind: str, suffix: str = "") -> list[str]:
        return [
            Stack.of(self).format_arn(service="sagemaker", resource=kind, resource_name=f"{name}{suffix}")
            for name in self._names
        ]
