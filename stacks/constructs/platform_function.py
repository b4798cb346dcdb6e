"""A Lambda function as this project wants every one of them."""

from collections.abc import Mapping

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk.aws_sqs import IQueue
from constructs import Construct

from stacks.bundles import Bundles, FunctionCode
from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.alerts import FIVE_MINUTES, Alerts, dashed
from stacks.constructs.trust import trusted

RUNTIME = lambda_.Runtime.PYTHON_3_13
ARCHITECTURE = lambda_.Architecture.ARM_64


def contract_layer(scope: Construct, bundles: Bundles) -> lambda_.LayerVersion:
    """The contract package with every model.toml, importable in the functions of the stack."""
    return lambda_.LayerVersion(
        scope,
        "ContractLayer",
        code=bundles.layer.code(),
        compatible_runtimes=[RUNTIME],
        compatible_architectures=[ARCHITECTURE],
        removal_policy=RemovalPolicy.DESTROY,
    )


class PlatformFunction(lambda_.Function):
    """JSON logs in a log group of its own, X-Ray, a dead letter queue, and a role that starts with nothing else.

    `module`: where its handler is, when several functions have one folder.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        description: str,
        code: FunctionCode,
        environment: Mapping[str, str],
        layer: lambda_.ILayerVersion,
        dead_letters: IQueue,
        alerts: Alerts,
        log_retention: logs.RetentionDays,
        timeout: Duration,
        module: str = "handler",
        memory_mb: int = 256,
        reserved: int | None = None,
    ) -> None:
        log_group = logs.LogGroup(
            scope, f"{construct_id}Logs", retention=log_retention, removal_policy=RemovalPolicy.DESTROY
        )
        role = iam.Role(scope, f"{construct_id}Role", assumed_by=trusted(scope, "lambda"))
        log_group.grant_write(role)
        super().__init__(
            scope,
            construct_id,
            description=description,
            runtime=RUNTIME,
            architecture=ARCHITECTURE,
            handler=code.handler(module),
            code=code.archive.code(),
            layers=[layer],
            environment=dict(environment),
            role=role,
            timeout=timeout,
            memory_size=memory_mb,
            tracing=lambda_.Tracing.ACTIVE,
            log_group=log_group,
            logging_format=lambda_.LoggingFormat.JSON,
            application_log_level_v2=lambda_.ApplicationLogLevel.INFO,
            system_log_level_v2=lambda_.SystemLogLevel.WARN,
            dead_letter_queue=dead_letters,
            reserved_concurrent_executions=reserved,
        )
        self.own_role = role
        self._add_alarms(alerts, construct_id)
        acknowledge(
            role,
            {"AwsSolutions-IAM5[Resource::*]": "X-Ray's PutTraceSegments and PutTelemetryRecords know no resources."},
        )
        acknowledge(
            self, {"AwsSolutions-L1": "Python 3.13 is the newest version that the contract package is tested on."}
        )

    def run_every(self, time: Duration, scope: Construct, construct_id: str, *, description: str) -> None:
        """By a rule of the clock, in `scope`. One that fails is not repeated: the next one comes anyway."""
        rule = events.Rule(scope, construct_id, description=description, schedule=events.Schedule.rate(time))
        rule.add_target(targets.LambdaFunction(self, retry_attempts=0, max_event_age=time))

    def _add_alarms(self, alerts: Alerts, construct_id: str) -> None:
        name = dashed(construct_id)
        alerts.add(
            self,
            self.metric_errors(period=FIVE_MINUTES),
            name=f"{name}-errors",
            runbook="function-errors",
            means=f"The function {construct_id} ended with an error; what called it may try again.",
        )
        alerts.add(
            self,
            self.metric_throttles(period=FIVE_MINUTES),
            name=f"{name}-throttles",
            runbook="function-throttles",
            means=f"The function {construct_id} was asked for more often than the account or its limit lets it run.",
        )
