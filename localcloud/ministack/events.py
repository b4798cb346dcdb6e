"""Buses, rules and schedules of EventBridge."""

from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from ministack.services import eventbridge as _eventbridge
from ministack.services import scheduler as _scheduler

from localcloud.ministack.replacing import replace, wrap

Make = Callable[[Callable[..., Any]], Callable[..., Any]]


def put(entry: Mapping[str, Any]) -> None:
    """Put an event of an AWS service: Source, DetailType, Detail (JSON), Resources. It goes to the default bus."""
    _eventbridge._put_events({"Entries": [dict(entry)]}, allow_aws_source=True)


def view_of(event: Mapping[str, Any]) -> Any:
    """The event as patterns see it; `event_with_detail()` is what its targets get."""
    return _eventbridge._pattern_event_view(event)


def schedule(group: str, name: str) -> MutableMapping[str, Any]:
    """The schedule itself, in the members of the API: what is changed in it counts."""
    found: MutableMapping[str, Any] = _scheduler._schedules[f"{group}/{name}"]
    return found


def tick_every(seconds: float) -> None:
    """How often rules with a schedule, and schedules, are looked at."""
    replace(_eventbridge, "_SCHEDULER_TICK_INTERVAL", seconds)
    replace(_scheduler, "_SCHEDULE_TICK_INTERVAL", seconds)


def wrap_rate(make: Callable[[Callable[[str], float | None]], Callable[[str], float | None]]) -> None:
    """Around the time between two events of a rule with a rate: expression -> seconds, None for no rate."""
    wrap(_eventbridge, "_parse_rate_seconds", make)


def wrap_dispatch(make: Make) -> None:
    """Around bringing an event to the rules of its bus: (event, view of it or None)."""
    wrap(_eventbridge, "_dispatch_event", make)


def wrap_matching(make: Make) -> None:
    """Around whether a pattern matches: (pattern, view, owner) -> bool; a rule is the owner "rule <bus>|<name>"."""
    wrap(_eventbridge, "_matches_pattern_view", make)


def wrap_pattern_check(make: Make) -> None:
    """Around the check of a pattern that somebody puts: pattern -> what is wrong, or None."""
    wrap(_eventbridge, "_event_pattern_error", make)


def wrap_target(make: Make) -> None:
    """Around invoking one target of a rule or of a schedule: (target, event, rule, view of the event or None)."""
    wrap(_eventbridge, "_invoke_target", make)


def replace_target_kinds(
    *, function: Callable[[str, str], None], queue: Callable[[Any, str, Mapping[str, Any] | None], None]
) -> None:
    """What brings the payload to a function (ARN, payload) and to a queue (ARN, payload, its parameters)."""
    replace(_eventbridge, "_dispatch_to_lambda", function)
    replace(_eventbridge, "_dispatch_to_sqs", queue)
