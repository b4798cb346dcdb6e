"""Groups, streams and events of CloudWatch Logs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ministack.services import cloudwatch_logs as _logs

from localcloud.ministack.replacing import wrap


def create_group(group: str) -> None:
    """Nothing happens when it is there."""
    _logs._create_log_group({"logGroupName": group})


def create_stream(group: str, stream: str) -> None:
    """Nothing happens when it is there."""
    _logs._create_log_stream({"logGroupName": group, "logStreamName": stream})


def put(group: str, stream: str, events: Sequence[Mapping[str, Any]]) -> None:
    """Append events, each with `timestamp` (milliseconds) and `message`, to a stream that is there."""
    _logs._put_log_events({"logGroupName": group, "logStreamName": stream, "logEvents": list(events)})


def streams(group: str) -> Mapping[str, Any] | None:
    """The streams of a group by name; None when there is no such group."""
    found = _logs._log_groups.get(group)
    return None if found is None else found["streams"]


def group_of(request: Mapping[str, Any]) -> str:
    """The group that a request names, by its name or by its identifier."""
    return str(_logs._resolve_log_group_name(request))


def resource_policies() -> list[Any]:
    """The documents of the account's policies for CloudWatch Logs."""
    return [policy["policyDocument"] for policy in _logs._resource_policies.values()]


def wrap_filter(make: Callable[[Callable[[dict[str, Any]], Any]], Callable[[dict[str, Any]], Any]]) -> None:
    """Around FilterLogEvents: request -> answer."""
    wrap(_logs, "_filter_log_events", make)
