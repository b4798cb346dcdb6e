"""Waiting for alarms of a deployed application."""

from __future__ import annotations

import time

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
