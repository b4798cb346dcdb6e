"""What the jobs of a run wrote."""

from __future__ import annotations

from tracking.place import Place
from tracking.run import Step


def log_tail(place: Place, step: Step, *, lines: int = 20) -> tuple[str, ...]:
    """The last lines that a step logged, oldest first; empty when it logged nothing."""
    if not step.log_group:
        return ()
    logs = place.client("logs")
    try:
        streams = logs.describe_log_streams(logGroupName=step.log_group, logStreamNamePrefix=step.log_stream)
        found: list[str] = []
        for stream in streams["logStreams"]:
            events = logs.get_log_events(
                logGroupName=step.log_group, logStreamName=stream["logStreamName"], limit=lines, startFromHead=False
            )["events"]
            found += [event["message"].rstrip() for event in events]
    except logs.exceptions.ResourceNotFoundException:
        return ()
    return tuple(found[-lines:])
