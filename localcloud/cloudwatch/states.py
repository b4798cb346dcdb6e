"""The states of alarms, as MiniStack keeps them."""

from collections.abc import Mapping
from typing import Any

from localcloud.ministack import cloudwatch


def _find(name: str) -> Mapping[str, Any] | None:
    return cloudwatch.metric_alarm(name) or cloudwatch.composite_alarm(name)


def exists(name: str) -> bool:
    return _find(name) is not None


def in_alarm(name: str) -> bool:
    """Whether the alarm is in the ALARM state; one that was deleted meanwhile is not."""
    alarm = _find(name)
    return alarm is not None and alarm["StateValue"] == "ALARM"
