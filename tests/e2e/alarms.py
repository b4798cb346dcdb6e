"""Waiting for alarms of a deployed application, and for what was given up."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from cli import dead_letters
from cli.dead_letters import Letter, Queue
from tests.e2e.conftest import Platform

# Local seconds: the longest period is five minutes, divided by a hundred, and an alarm sees two of them at most.
PATIENCE = 40.0


def state(platform: Platform, name: str) -> str:
    """OK, ALARM or INSUFFICIENT_DATA. `name` is without the environment's prefix."""
    alarms = platform.target.client("cloudwatch").describe_alarms(AlarmNames=[f"mlops-dev-{name}"])["MetricAlarms"]
    assert len(alarms) == 1, f"there is no alarm {name}"
    return str(alarms[0]["StateValue"])


def wait_until(platform: Platform, name: str, wanted: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while (found := state(platform, name)) != wanted:
        assert time.monotonic() < deadline, f"{name} is {found}, not {wanted}"
        time.sleep(0.1)


def fired(platform: Platform, name: str) -> int:
    """How many times it went into alarm so far; of an alarm that is over, its state no longer tells."""
    history = platform.target.client("cloudwatch").describe_alarm_history(
        AlarmName=f"mlops-dev-{name}", HistoryItemType="StateUpdate", MaxRecords=100
    )["AlarmHistoryItems"]
    return sum(item["HistorySummary"].endswith("to ALARM") for item in history)


def wait_until_fired(platform: Platform, name: str, before: int = 0) -> None:
    deadline = time.monotonic() + PATIENCE
    while fired(platform, name) <= before:
        assert time.monotonic() < deadline, f"{name} did not fire"
        time.sleep(0.1)


@contextmanager
def fires(platform: Platform, name: str) -> Iterator[None]:
    """The alarm goes off because of what happens in the block."""
    wait_until(platform, name, "OK")
    before = fired(platform, name)
    yield
    wait_until_fired(platform, name, before)


def letters(platform: Platform, name: str, *, count: int = 1, seconds: float = 90) -> tuple[Queue, list[Letter]]:
    """A dead letter queue with what is in it, once there is so much."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        (queue,) = dead_letters.queues(platform.target, name)
        if queue.waiting >= count and (found := dead_letters.look(platform.target, queue)):
            return queue, found
        time.sleep(0.2)
    raise AssertionError(f"nothing came to {name}")
