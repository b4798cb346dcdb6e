"""What a run left in CloudWatch Logs: the lines that carry its id, of functions, of jobs and of endpoints."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any

from tracking.hosting import SHARED
from tracking.place import Place
from tracking.run import Run, Step

# Between an upload and the start of its workflow run.
BEFORE = timedelta(minutes=15)
ENDPOINT = "Endpoint"  # the source of what a container logged


@dataclass(frozen=True, order=True)
class Line:
    """`source` is the function or the step. `message` is as it was logged: a JSON object, of ours."""

    at: datetime
    source: str
    group: str
    stream: str
    message: str

    @property
    def record(self) -> Mapping[str, Any]:
        """What a JSON line holds; of another, nothing."""
        try:
            found = json.loads(self.message)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True)
class LogPlace:
    """Where to look: a group, and the streams in it whose names begin so ("": all)."""

    source: str
    group: str
    stream: str = ""


def run_lines(place: Place, run: Run, *, functions: Mapping[str, str], everything: bool = False) -> list[Line]:
    """The lines that name the run, the oldest first, or its file where it never began. `functions`: name -> log group.

    `everything`: of the run's own jobs and containers also the lines that do not, such as XGBoost's or a traceback's.
    """
    since = run.started - BEFORE if run.started else None
    where = [(LogPlace(name, group), run.run_id) for name, group in functions.items()]
    if not run.steps and run.file:
        where += [(LogPlace(name, group), run.file) for name, group in functions.items()]
    where += [(found, "" if everything else run.run_id) for step in run.steps for found in _places(step)]
    where += [
        (LogPlace(ENDPOINT, endpoint_logs(place.resource_name(name))), run.run_id) for name in (run.model, SHARED)
    ]
    lines = _read_all(place, where, since)
    if everything:
        lines |= _read_all(place, _containers(lines, place.resource_name(run.model)), since)
    return sorted(lines)


def endpoint_logs(endpoint: str) -> str:
    """The log group of an endpoint: SageMaker makes it, and a stream of it for each container."""
    return f"/aws/sagemaker/Endpoints/{endpoint}"


def _containers(lines: Iterable[Line], endpoint: str) -> list[tuple[LogPlace, str]]:
    """All that the containers wrote that a line is of. One that serves many models is of no run."""
    group = endpoint_logs(endpoint)
    streams = sorted({line.stream for line in lines if line.group == group})
    return [(LogPlace(ENDPOINT, group, stream), "") for stream in streams]


def _read_all(place: Place, where: Iterable[tuple[LogPlace, str]], since: datetime | None) -> set[Line]:
    with ThreadPoolExecutor(8) as pool:
        found = pool.map(lambda item: list(read_lines(place, item[0], item[1], since)), where)
        return {line for lines in found for line in lines}


def lines_naming(place: Place, text: str, *, functions: Mapping[str, str]) -> list[Line]:
    """What functions logged of late that holds the text, the oldest first. `functions`: name -> log group."""
    since = datetime.now(UTC) - BEFORE
    return sorted(
        line for name, group in functions.items() for line in read_lines(place, LogPlace(name, group), text, since)
    )


def _places(step: Step) -> Iterator[LogPlace]:
    for group in _groups(step):
        yield LogPlace(step.name, group, step.log_stream)


def _groups(step: Step) -> tuple[str, ...]:
    return (step.log_group, *step.other_log_groups) if step.log_group else ()


def read_lines(
    place: Place, where: LogPlace, text: str, since: datetime | None, until: datetime | None = None
) -> Iterator[Line]:
    """The lines that hold the text, or all for ""; none of a group that there is not."""
    logs = place.client("logs")
    request: dict[str, Any] = {"logGroupName": where.group}
    if where.stream:
        request["logStreamNamePrefix"] = where.stream
    if text:
        request["filterPattern"] = f'"{text}"'
    if since:
        request["startTime"] = int(since.timestamp() * 1000)
    if until:
        request["endTime"] = int(until.timestamp() * 1000)
    try:
        for page in logs.get_paginator("filter_log_events").paginate(**request):
            for event in page["events"]:
                at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
                yield Line(at, where.source, where.group, event["logStreamName"], event["message"].rstrip())
    except logs.exceptions.ResourceNotFoundException:
        return  # nothing has been logged there yet


def log_tail(place: Place, step: Step, *, lines: int = 20) -> tuple[str, ...]:
    """The last lines that a step logged, oldest first; empty when it logged nothing."""
    found = [event for group in _groups(step) for event in _last_events(place, group, step.log_stream, lines)]
    return tuple(message for _, message in sorted(found, key=itemgetter(0))[-lines:])


def _last_events(place: Place, group: str, stream: str, lines: int) -> Iterator[tuple[int, str]]:
    """Time in milliseconds, and message; of each stream whose name begins so."""
    logs = place.client("logs")
    try:
        for found in logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=stream)["logStreams"]:
            events = logs.get_log_events(
                logGroupName=group, logStreamName=found["logStreamName"], limit=lines, startFromHead=False
            )["events"]
            yield from ((event["timestamp"], event["message"].rstrip()) for event in events)
    except logs.exceptions.ResourceNotFoundException:
        return  # nothing has been logged there yet
