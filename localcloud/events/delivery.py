"""Delivery of an event to a target: retries by the target's policy, then its dead-letter queue."""

import json
import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.events import counts, queues
from localcloud.events.clock import scaled
from localcloud.events.principals import queue_allows

DEFAULT_ATTEMPTS = 185
DEFAULT_AGE_SECONDS = 86_400
FIRST_WAIT_SECONDS = 2.0
LONGEST_WAIT_SECONDS = 300.0

logger = logging.getLogger("localcloud")


class DeliveryError(Exception):
    """A target did not take an event. `code` is the ERROR_CODE of the dead-letter message."""

    def __init__(self, code: str, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.retryable = retryable


@dataclass(frozen=True)
class Delivery:
    """One event on its way to one target of a rule, or of a schedule."""

    target: Mapping[str, Any]
    source_arn: str
    event: Mapping[str, Any]

    @property
    def scheduled(self) -> bool:
        return self.source_arn.startswith("arn:aws:scheduler:")

    @property
    def rule(self) -> tuple[str, str]:
        """Bus and name of the rule."""
        bus, _, name = self.source_arn.rpartition(":rule/")[2].rpartition("/")
        return bus or counts.DEFAULT_BUS, name

    @property
    def principal(self) -> str:
        return "scheduler.amazonaws.com" if self.scheduled else "events.amazonaws.com"


def deliver(delivery: Delivery, send: Callable[[], None]) -> None:
    """Call `send` until it succeeds or the target's RetryPolicy is used up. Errors end in the dead-letter queue."""
    policy = delivery.target.get("RetryPolicy") or {}
    attempts = int(policy.get("MaximumRetryAttempts", DEFAULT_ATTEMPTS))
    deadline = time.monotonic() + scaled(float(policy.get("MaximumEventAgeInSeconds", DEFAULT_AGE_SECONDS)))
    retried = 0
    while True:
        error = _try(send)
        if error is None:
            _count(delivery, "Invocations")
            return
        wait = _backoff(retried)
        exhausted = _exhausted(retried >= attempts, time.monotonic() + wait > deadline)
        if not error.retryable or exhausted:
            break
        time.sleep(wait)
        retried += 1
    logger.error("%s did not reach %s: %s", delivery.source_arn, delivery.target["Arn"], error)
    _count(delivery, "Invocations", "FailedInvocations")
    _dead_letter(delivery, error, retried, exhausted if error.retryable else None)


def _count(delivery: Delivery, *names: str) -> None:
    if not delivery.scheduled:
        bus, rule = delivery.rule
        counts.count(rule, *names, bus=bus)


def _try(send: Callable[[], None]) -> DeliveryError | None:
    try:
        send()
    except DeliveryError as error:
        return error
    except Exception as error:
        logger.exception("delivery failed")
        return DeliveryError("INTERNAL_ERROR", f"{type(error).__name__}: {error}", retryable=True)
    return None


def _backoff(retried: int) -> float:
    """Exponential with jitter, in local seconds."""
    wait = min(FIRST_WAIT_SECONDS * 2.0 ** min(retried, 10), LONGEST_WAIT_SECONDS)
    return scaled(wait * random.uniform(0.5, 1.0))  # noqa: S311 - spreads retries, protects nothing


def _exhausted(attempts_used: bool, too_old: bool) -> str | None:
    if attempts_used:
        return "MaximumRetryAttempts"
    return "MaximumEventAgeInSeconds" if too_old else None


def _dead_letter(delivery: Delivery, error: DeliveryError, retried: int, exhausted: str | None) -> None:
    """The event with the attributes that EventBridge documents; the queue must let EventBridge send to it."""
    queue_arn = (delivery.target.get("DeadLetterConfig") or {}).get("Arn")
    if not queue_arn:
        return
    if not queues.exists(queue_arn) or not queue_allows(
        queue_arn, service=delivery.principal, source_arn=delivery.source_arn
    ):
        logger.error("%s may not send to its dead-letter queue %s: the event is lost", delivery.source_arn, queue_arn)
        return
    attributes = {
        "SCHEDULE_ARN" if delivery.scheduled else "RULE_ARN": delivery.source_arn,
        "TARGET_ARN": delivery.target["Arn"],
        "ERROR_CODE": error.code,
        "ERROR_MESSAGE": str(error),
    }
    if exhausted:
        attributes |= {"EXHAUSTED_RETRY_CONDITION": exhausted, "RETRY_ATTEMPTS": str(retried)}
    queues.put(queue_arn, json.dumps(delivery.event), attributes=attributes)
