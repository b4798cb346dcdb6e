"""From a changed endpoint to a recorded verdict: rule, verify_deployment and alarm."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk.aws_s3 import IBucket
from constructs import Construct

from contract import SHARED_ENDPOINT
from stacks.bundles import Bundles
from stacks.config import StageConfig
from stacks.constructs.access import MANY, grant, grant_absence, grant_metrics, grant_objects
from stacks.constructs.alerts import Alerts, Runbook
from stacks.constructs.platform_function import PlatformFunction
from stacks.constructs.queues import DeadLetterQueue
from stacks.constructs.scaling import grant_scaling


class Trouble(NamedTuple):
    """What tracking.versions counts, and the runbook that its alarm is named for."""

    metric: str
    runbook: Runbook


FAILURES = Trouble("DeploymentFailures", "deployment-failures")
REJECTED = Trouble("RejectedServing", "rejected-serving")


class Verification(Construct):
    """`realtime`: what instances serve. `home`: where the alarms of a model stand, None for in here."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: StageConfig,
        models: Sequence[str],
        home: Callable[[str], Construct] | None,
        realtime: Sequence[str],
        shared: bool,
        bundles: Bundles,
        layer: lambda_.ILayerVersion,
        dead_letters: DeadLetterQueue,
        alerts: Alerts,
        artifact: IBucket,
    ) -> None:
        super().__init__(scope, construct_id)
        self._config, self._artifact, self._alerts = config, artifact, alerts
        self._scopes = config.scopes(models)
        self._names = [config.resource_name(model) for model in self._scopes]
        # What is said of the multi-model endpoint as a whole has its own name.
        watched = [*models, SHARED_ENDPOINT] if shared else models
        for model in models:
            place = home(model) if home else self
            self._add_alarm(place, model, FAILURES, f"A version of {model} was approved and is not live.")
            means = f"The version of {model} that answers is rejected, and no other is approved."
            self._add_alarm(place, model, REJECTED, means)
        if shared:
            self._add_alarm(self, SHARED_ENDPOINT, FAILURES, "An update of the multi-model endpoint was rolled back.")
        self.function = function = PlatformFunction(
            self,
            "VerifyDeployment",
            description="Checks a changed endpoint, records the verdict, takes back a version that fails",
            code=bundles.functions["verify_deployment"],
            layer=layer,
            environment={
                "RESOURCE_PREFIX": config.prefix,
                "STAGE": config.name,
                "ALERTS_TOPIC_ARN": alerts.topic.topic_arn,
            },
            dead_letters=dead_letters,
            alerts=alerts,
            log_retention=config.log_retention,
            # Golden rows are asked for three times at most, for a minute each.
            timeout=Duration.minutes(5),
        )
        self._grant(function)
        if realtime:
            endpoints = [config.resource_name(model) for model in config.scopes(realtime)]
            grant_scaling(function.own_role, endpoints, tags=config.tags)
        self._add_rule(function, dead_letters, config.names(watched))

    def _add_alarm(self, scope: Construct, model: str, trouble: Trouble, means: str) -> None:
        metric = cloudwatch.Metric(
            namespace=self._config.metrics,
            metric_name=trouble.metric,
            dimensions_map={"Model": model, "Stage": self._config.name},
            statistic="Sum",
            # Longer than it takes to the next check of what has not changed: the alarm stays on till then.
            period=Duration.minutes(15),
        )
        self._alerts.add(
            scope,
            metric,
            name=f"{model.replace('_', '-')}-{trouble.runbook}",
            runbook=trouble.runbook,
            means=means,
        )

    def _add_rule(self, function: PlatformFunction, dead_letters: DeadLetterQueue, endpoints: Sequence[Any]) -> None:
        rule = events.Rule(
            self,
            "EndpointChanged",
            description="The endpoint of a model changes its state",
            event_pattern=events.EventPattern(
                source=["aws.sagemaker"],
                detail_type=["SageMaker Endpoint State Change"],
                detail={"EndpointName": list(endpoints)},
            ),
        )
        rule.add_target(
            targets.LambdaFunction(
                function, dead_letter_queue=dead_letters, retry_attempts=5, max_event_age=Duration.hours(6)
            )
        )

    def _grant(self, function: PlatformFunction) -> None:
        role, numbered = function.own_role, "Versions, models and configurations are numbered."
        registry = [f"sagemaker:{verb}ModelPackage" for verb in ("Describe", "Update")]
        registry.append("sagemaker:ListModelPackages")
        grant(
            role,
            registry,
            [*self._arns("model-package", "/*"), *self._arns("model-package-group")],
            because=numbered,
        )
        grant(role, ["sagemaker:DescribeEndpoint", "sagemaker:InvokeEndpoint"], self._arns("endpoint"), because=MANY)
        grant(role, ["sagemaker:DescribeEndpointConfig"], self._arns("endpoint-config", "-*"), because=numbered)
        grant(role, ["sagemaker:DescribeModel"], self._arns("model", "-*"), because=numbered)
        # Artifacts: whether one is gone, when the container says that it could not have it.
        read = [f"{model}/{key}" for model in self._scopes for key in ("*/evaluation/golden.json", "models/*")]
        grant_objects(role, self._artifact, read, "s3:GetObject")
        # Nor may a version have kept golden rows.
        grant_absence(role, self._artifact)
        self._alerts.let_publish(role)
        grant_metrics(role, self._config.metrics)

    def _arns(self, kind: str, suffix: str = "") -> list[str]:
        return [
            Stack.of(self).format_arn(service="sagemaker", resource=kind, resource_name=f"{name}{suffix}")
            for name in self._names
        ]
