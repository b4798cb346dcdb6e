"""CloudWatch as a deployment needs it: metrics of the emulated services, and alarms that see their own, at once."""

from localcloud.cloudwatch import alarms, evaluation, metrics, queues, states

HOOKS: tuple[tuple[str, str], ...] = (*alarms.HOOKS, *evaluation.HOOKS, *metrics.HOOKS, *queues.HOOKS, *states.HOOKS)


def install() -> None:
    metrics.install()
    alarms.install()
