"""What an invocation leaves in CloudWatch, namespace AWS/SageMaker."""

from localcloud.cloudwatch import metrics
from localcloud.cloudwatch.metrics import Sample

NAMESPACE = "AWS/SageMaker"
MICROSECONDS = 1e6


def record(
    *, endpoint: str, variant: str, config: str, status: int, model_seconds: float, overhead_seconds: float
) -> None:
    """One invocation; `status` is the container's, 0 when it did not answer."""
    samples = (
        Sample("Invocations", 1.0, "Count"),
        Sample("Invocation4XXErrors", float(400 <= status <= 499), "Count"),
        Sample("Invocation5XXErrors", float(status == 0 or status >= 500), "Count"),
        Sample("ModelLatency", model_seconds * MICROSECONDS, "Microseconds"),
        Sample("OverheadLatency", overhead_seconds * MICROSECONDS, "Microseconds"),
    )
    dimensions = {"EndpointName": endpoint, "VariantName": variant}
    metrics.record(NAMESPACE, samples, dimensions)
    # The fleets of a blue/green deployment are told apart by their configuration.
    metrics.record(NAMESPACE, samples, {**dimensions, "EndpointConfigName": config})
