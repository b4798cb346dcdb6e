"""Metrics and alarms of CloudWatch. Call everything here on the event loop that serves MiniStack."""

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any

from ministack.services import cloudwatch as _cloudwatch

from localcloud.ministack import scope
from localcloud.ministack.replacing import replace, wrap

Make = Callable[[Callable[..., Any]], Callable[..., Any]]
Alarm = MutableMapping[str, Any]
Point = dict[str, Any]


def metric_alarm(name: str) -> Alarm | None:
    """The alarm itself: what is changed in it counts."""
    found: Alarm | None = _cloudwatch._alarms.get(name)
    return found


def composite_alarm(name: str) -> Alarm | None:
    found: Alarm | None = _cloudwatch._composite_alarms.get(name)
    return found


def alarm_scopes() -> set[tuple[str, str]]:
    """The accounts and regions that have metric alarms."""
    return scope.scopes(_cloudwatch._alarms)


def evaluate_alarms() -> None:
    """Look at every alarm of the account and region now."""
    _cloudwatch._evaluate_all_alarms()


def points(namespace: str, metric: str, dimensions: Mapping[str, str]) -> Sequence[Point]:
    """The metric's datapoints: Timestamp (seconds), Value, Count, Unit."""
    key = namespace, metric, _cloudwatch._dims_key(dict(dimensions))
    found: Sequence[Point] = _cloudwatch._metrics.get(key) or ()
    return found


def add_points(namespace: str, metric: str, dimensions: Mapping[str, str], new: Sequence[Point]) -> None:
    """Append datapoints, which also have their Dimensions."""
    _cloudwatch._metric_bucket((namespace, metric, _cloudwatch._dims_key(dict(dimensions)))).extend(new)


def dimension_map(dimensions: Any) -> dict[str, str]:
    """{name: value} of the list in which alarms hold their dimensions."""
    found: dict[str, str] = _cloudwatch._dims_from_list(dimensions or [])
    return found


def statistic(name: str, period: Sequence[Mapping[str, Any]]) -> float:
    """A statistic ("Average", "p99") over the points of one period."""
    found: float = _cloudwatch._stat_value(_cloudwatch._calc_stats(period), name, period)
    return found


def state_changed(alarm: Alarm, old: str, new: str, reason: str) -> None:
    """Note it in the history, take the alarm's actions, and look at the composite alarms above it."""
    _cloudwatch._record_history(alarm["AlarmName"], old, new, reason)
    _cloudwatch._dispatch_alarm_actions(alarm, old, new, reason)
    _cloudwatch._evaluate_parent_alarms(alarm)


def parameter(parameters: Any, name: str) -> str:
    """A parameter of a request in the query protocol."""
    return str(_cloudwatch._p(parameters, name))


def replace_evaluation(evaluate: Callable[[Alarm], None]) -> None:
    """Decide the state of a metric alarm, whenever its metric gets data or `evaluate_alarms` is called."""
    replace(_cloudwatch, "_evaluate_alarm", evaluate)


def wrap_actions(make: Make) -> None:
    """Around the actions of an alarm that changes its state: (alarm, old state, new state, reason)."""
    wrap(_cloudwatch, "_dispatch_alarm_actions", make)


def wrap_set_state(make: Make) -> None:
    """Around SetAlarmState: (parameters, data of a CBOR request, is CBOR, is JSON) -> answer."""
    wrap(_cloudwatch, "_set_alarm_state", make)
