"""CloudWatch as a deployment needs it: metrics of the services, alarms that see their own at once, logs by stream."""

from localcloud.cloudwatch import alarms, evaluation, metrics, queues, states, streams

HOOKS: tuple[tuple[str, str], ...] = (
    *alarms.HOOKS,
    *evaluation.HOOKS,
    *metrics.HOOKS,
    *queues.HOOKS,
    *states.HOOKS,
    *streams.HOOKS,
)


def install() -> None:
    metrics.install()
    alarms.install()
    streams.install()
