"""What one request of the REST API left in CloudWatch Logs: of the function that answered it, and of the container."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from tracking.logs import ENDPOINT, Line, LogPlace, endpoint_logs, read_lines
from tracking.place import Place

# As API Gateway makes them, and nothing that a filter pattern would read otherwise.
REQUEST_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
# An id tells no time. Most are looked for soon, and a group of months is long.
WINDOWS: tuple[timedelta | None, ...] = (timedelta(hours=1), timedelta(days=1), None)
# How far the lines of one request lie apart: a model has 25 seconds to answer.
AROUND = timedelta(seconds=30)


def request_lines(
    place: Place, request_id: str, *, functions: Mapping[str, str], everything: bool = False
) -> list[Line]:
    """The lines of the request, the oldest first; none when no function names it.

    `functions`: name -> log group, of those that answer requests. Of a container they are the lines that name the
    request. Where none does (it broke off, or its version is older than the id), or with `everything`, all that the
    endpoint wrote meanwhile.
    """
    named = _naming(place, request_id, functions)
    if not named:
        return []
    since, until = named[0].at - AROUND, named[-1].at + AROUND
    lines = {*named, *_of_invocations(place, named, functions, since, until)}
    for name in {str(line.record["endpoint"]) for line in named if "endpoint" in line.record}:
        where = LogPlace(ENDPOINT, endpoint_logs(name))
        own = list(read_lines(place, where, request_id, since, until))
        lines.update(own if own and not everything else read_lines(place, where, "", since, until))
    return sorted(line for line in lines if everything or not _is_of_lambda(line))


def _naming(place: Place, request_id: str, functions: Mapping[str, str]) -> list[Line]:
    for window in WINDOWS:
        since = datetime.now(UTC) - window if window else None
        found = [
            line
            for name, group in functions.items()
            for line in read_lines(place, LogPlace(name, group), request_id, since)
        ]
        if found:
            return sorted(found)
    return []


def _of_invocations(
    place: Place, named: list[Line], functions: Mapping[str, str], since: datetime, until: datetime
) -> Iterator[Line]:
    """All lines of the function's invocations: Lambda numbers them itself, and reports an exception by that number."""
    for source, invocation in {(line.source, str(line.record.get("requestId") or "")) for line in named}:
        if invocation:
            yield from read_lines(place, LogPlace(source, functions[source]), invocation, since, until)


def _is_of_lambda(line: Line) -> bool:
    """Its start, its end, its report: of use when a function ran out of time or memory."""
    return str(line.record.get("type") or "").startswith("platform.")
