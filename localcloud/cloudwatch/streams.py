"""FilterLogEvents by the beginning of a stream's name, which MiniStack does not read."""

from collections.abc import Callable
from typing import Any

from localcloud.ministack import logs, scope


def _by_prefix(filter_events: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    def filter_log_events(request: dict[str, Any]) -> Any:
        prefix = request.get("logStreamNamePrefix")
        if prefix is None:
            return filter_events(request)
        if request.get("logStreamNames"):
            message = "logStreamNamePrefix and logStreamNames are mutually exclusive."
            return scope.json_error("InvalidParameterException", message)
        streams = logs.streams(logs.group_of(request))
        names = [name for name in streams or () if name.startswith(prefix)]
        if streams is not None and not names:
            return scope.json_answer({"events": [], "searchedLogStreams": []})
        return filter_events({**request, "logStreamNames": names})

    return filter_log_events


def install() -> None:
    logs.wrap_filter(_by_prefix)
