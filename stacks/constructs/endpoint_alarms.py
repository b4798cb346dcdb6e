"""What an endpoint is watched by: always, and while the traffic of a real-time one moves to a new version."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from stacks.config import StageConfig
from stacks.constructs.alerts import MINUTE, Alerts

NAMESPACE = "AWS/SageMaker"
# The variant that deploy_model names.
VARIANT = "AllTraffic"
# Half of what the REST API waits for a model. SageMaker counts in microseconds.
SLOW = Duration.seconds(12)


class EndpointAlarms(Construct):
    """`<endpoint>-5xx` and `<endpoint>-latency`: deploy_model names those of real-time endpoints, which roll back."""

    def __init__(
        self, scope: Construct, construct_id: str, *, config: StageConfig, model: str, guards: bool, alerts: Alerts
    ) -> None:
        """`guards`: they watch updates, too."""
        super().__init__(scope, construct_id)
        endpoint, name = config.resource_name(model), model.replace("_", "-")
        rolled_back = " An update under way is rolled back." if guards else ""
        alerts.add(
            self,
            endpoint_metric(endpoint, "Invocation5XXErrors", "Sum"),
            name=f"{name}-5xx",
            runbook="endpoint-errors",
            means=f"The endpoint {endpoint} answers with server errors.{rolled_back}",
            needed=guards,
        )
        alerts.add(
            self,
            endpoint_metric(endpoint, "ModelLatency", "p90"),
            name=f"{name}-latency",
            runbook="endpoint-latency",
            means=f"The model behind the endpoint {endpoint} answers slowly.{rolled_back}",
            threshold=SLOW.to_milliseconds() * 1000,
            needed=guards,
        )


def endpoint_metric(endpoint: str, name: str, statistic: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=name,
        dimensions_map={"EndpointName": endpoint, "VariantName": VARIANT},
        statistic=statistic,
        period=MINUTE,
    )
