"""The states of alarms, as MiniStack keeps them."""

from collections.abc import Mapping
from typing import Any

from ministack.services import cloudwatch

HOOKS = (
    ("ministack.services.cloudwatch", "_alarms"),
    ("ministack.services.cloudwatch", "_composite_alarms"),
)


def _find(name: str) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] | None = cloudwatch._alarms.get(name) or cloudwatch._composite_alarms.get(name)
    return found


def exists(name: str) -> bool:
    return _find(name) is not None


def in_alarm(name: str) -> bool:
    """Whether the alarm is in the ALARM state; one that was deleted meanwhile is not."""
    alarm = _find(name)
    return alarm is not None and alarm["StateValue"] == "ALARM"
