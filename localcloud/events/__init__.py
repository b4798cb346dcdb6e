"""Events that arrive as on AWS: permissions, retries and dead letters of EventBridge, Lambda and SQS."""

from localcloud.events import clock, counts, delays, losses, mappings, objects, queues, targets


def install() -> None:
    for part in (queues, targets, delays, mappings, clock, objects, counts, losses):
        part.install()
