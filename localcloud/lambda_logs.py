"""The log of a Lambda invocation: its group and stream, platform events, and the role's right to write them."""

import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from localcloud.context import arn
from localcloud.errors import AccessDenied
from localcloud.lambda_environment import Environment, Outcome
from localcloud.lambda_pipes import LogLine
from localcloud.ministack import logs
from localcloud.roles import check_role

logger = logging.getLogger("localcloud")


@dataclass(frozen=True)
class Invocation:
    """What the platform knows about an invocation, for its START, END and REPORT events."""

    request_id: str
    started: float
    seconds: float


def write(environment: Environment, invocation: Invocation, outcome: Outcome) -> None:
    """Write as the function's role. Without the permission there is no log, as on AWS; the denied call is recorded."""
    config = environment.config
    before, after = _platform_events(config, invocation, outcome)
    events = [
        (int(invocation.started * 1000), before),
        *outcome.log,
        *((int((invocation.started + invocation.seconds) * 1000), line) for line in after),
    ]
    try:
        _open_stream(config["Role"], environment.log_group, environment.log_stream)
        stream_arn = arn("logs", f"log-group:{environment.log_group}:log-stream:{environment.log_stream}")
        check_role(config["Role"], "logs:PutLogEvents", stream_arn)
    except AccessDenied as denied:
        logger.warning("%s has no log: %s", config["FunctionName"], denied)
        return
    _put(environment.log_group, environment.log_stream, events)


def _open_stream(role: str, group: str, stream: str) -> None:
    group_arn = arn("logs", f"log-group:{group}:log-stream:")
    existing = logs.streams(group)
    if existing is None:
        check_role(role, "logs:CreateLogGroup", group_arn)
        logs.create_group(group)
    elif stream in existing:
        return
    check_role(role, "logs:CreateLogStream", f"{group_arn}{stream}")
    logs.create_stream(group, stream)


def _put(group: str, stream: str, lines: list[LogLine]) -> None:
    events = [{"timestamp": time, "message": message} for time, message in lines]
    logs.put(group, stream, events)


def _platform_events(config: dict[str, Any], invocation: Invocation, outcome: Outcome) -> tuple[str, list[str]]:
    if (config.get("LoggingConfig") or {}).get("LogFormat") == "JSON":
        return _json_events(config, invocation, outcome)
    return _text_events(config, invocation, outcome)


def _text_events(config: dict[str, Any], invocation: Invocation, outcome: Outcome) -> tuple[str, list[str]]:
    request = f"RequestId: {invocation.request_id}"
    milliseconds = invocation.seconds * 1000
    report = (
        f"REPORT {request}\tDuration: {milliseconds:.2f} ms\tBilled Duration: {milliseconds:.0f} ms\t"
        f"Memory Size: {config.get('MemorySize', 128)} MB\tMax Memory Used: {outcome.memory_mb} MB"
    )
    if outcome.init_seconds is not None:
        report += f"\tInit Duration: {outcome.init_seconds * 1000:.2f} ms"
    return f"START {request} Version: {config.get('Version', '$LATEST')}", [f"END {request}", report]


def _json_events(config: dict[str, Any], invocation: Invocation, outcome: Outcome) -> tuple[str, list[str]]:
    milliseconds = round(invocation.seconds * 1000, 3)
    metrics = {
        "durationMs": milliseconds,
        "billedDurationMs": round(milliseconds),
        "memorySizeMB": config.get("MemorySize", 128),
        "maxMemoryUsedMB": outcome.memory_mb,
    }
    if outcome.init_seconds is not None:
        metrics["initDurationMs"] = round(outcome.init_seconds * 1000, 3)
    start = {"requestId": invocation.request_id, "version": config.get("Version", "$LATEST")}
    status = "success" if outcome.error is None else "error"
    report = {"requestId": invocation.request_id, "metrics": metrics, "status": status}
    ended = invocation.started + invocation.seconds
    return (
        _platform_event("platform.start", invocation.started, start),
        [_platform_event("platform.report", ended, report)],
    )


def _platform_event(kind: str, time: float, record: dict[str, Any]) -> str:
    stamp = datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    return json.dumps({"time": stamp, "type": kind, "record": record})
