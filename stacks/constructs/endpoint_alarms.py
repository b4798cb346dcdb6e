"""What a real-time endpoint is watched by while its traffic moves to a new version."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

NAMESPACE = "AWS/SageMaker"
# The variant that deploy_model names.
VARIANT = "AllTraffic"
# Half of what the REST API waits for a model. SageMaker counts in microseconds.
SLOW = Duration.seconds(12)


class EndpointAlarms(Construct):
    """`<endpoint>-5xx` and `<endpoint>-latency`: deploy_model names them, so their names are physical."""

    def __init__(self, scope: Construct, construct_id: str, *, endpoint: str) -> None:
        super().__init__(scope, construct_id)
        self._endpoint = endpoint
        self._add("5xx", "Invocation5XXErrors", statistic="Sum", threshold=1, what="answers with server errors")
        slow = SLOW.to_milliseconds() * 1000
        self._add("latency", "ModelLatency", statistic="p90", threshold=slow, what="answers slowly")

    def _add(self, name: str, metric: str, *, statistic: str, threshold: float, what: str) -> None:
        cloudwatch.Metric(
            namespace=NAMESPACE,
            metric_name=metric,
            dimensions_map={"EndpointName": self._endpoint, "VariantName": VARIANT},
            statistic=statistic,
            period=Duration.minutes(1),
        ).create_alarm(
            self,
            name.capitalize(),
            alarm_name=f"{self._endpoint}-{name}",
            alarm_description=f"The endpoint {self._endpoint} {what}: an update under way is rolled back.",
            threshold=threshold,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
