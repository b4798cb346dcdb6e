"""CloudWatch as a deployment needs it: metrics of the services, alarms that see their own at once, logs by stream."""

from localcloud.cloudwatch import alarms, metrics, streams


def install() -> None:
    metrics.install()
    alarms.install()
    streams.install()
