"""Events that arrive as on AWS: permissions, retries and dead letters of EventBridge, Lambda and SQS."""

from localcloud.events import clock, counts, delays, losses, mappings, objects, principals, queues, targets

HOOKS: tuple[tuple[str, str], ...] = (
    *principals.HOOKS,
    *queues.HOOKS,
    *targets.HOOKS,
    *mappings.HOOKS,
    *clock.HOOKS,
    *delays.HOOKS,
    *objects.HOOKS,
    *counts.HOOKS,
    *losses.HOOKS,
)


def install() -> None:
    for part in (queues, targets, delays, mappings, clock, objects, counts, losses):
        part.install()
