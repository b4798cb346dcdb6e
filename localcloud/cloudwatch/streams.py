"""FilterLogEvents by the beginning of a stream's name, which MiniStack does not read."""

from collections.abc import Callable
from typing import Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import cloudwatch_logs

HOOKS = (
    ("ministack.core.responses", "error_response_json"),
    ("ministack.core.responses", "json_response"),
    ("ministack.services.cloudwatch_logs", "_filter_log_events"),
    ("ministack.services.cloudwatch_logs", "_log_groups"),
    ("ministack.services.cloudwatch_logs", "_resolve_log_group_name"),
)


def _by_prefix(filter_events: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    def filter_log_events(request: dict[str, Any]) -> Any:
        prefix = request.get("logStreamNamePrefix")
        if prefix is None:
            return filter_events(request)
        if request.get("logStreamNames"):
            message = "logStreamNamePrefix and logStreamNames are mutually exclusive."
            return error_response_json("InvalidParameterException", message, 400)
        group = cloudwatch_logs._log_groups.get(cloudwatch_logs._resolve_log_group_name(request))
        names = [name for name in (group or {"streams": {}})["streams"] if name.startswith(prefix)]
        if group is not None and not names:
            return json_response({"events": [], "searchedLogStreams": []})
        return filter_events({**request, "logStreamNames": names})

    return filter_log_events


def install() -> None:
    cloudwatch_logs._filter_log_events = _by_prefix(cloudwatch_logs._filter_log_events)
