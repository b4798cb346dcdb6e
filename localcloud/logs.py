"""Writing to CloudWatch Logs, by the platform itself or as a role whose permissions count."""

import functools
import time
from collections.abc import Iterator, Sequence
from typing import Any

from botocore.client import BaseClient
from botocore.exceptions import ClientError

from localcloud import roles
from localcloud.context import account, region
from localcloud.ministack import logs as store

# PutLogEvents: at most 10,000 events and 1 MiB a call, 256 KiB an event.
BATCH_EVENTS = 1000
BATCH_BYTES = 900_000
EVENT_CHARACTERS = 60_000


def put_log(
    group: str,
    stream: str,
    lines: Sequence[str],
    *,
    role_arn: str | None = None,
    session_name: str = "LocalCloud",
) -> None:
    """Append lines to a log stream, creating group and stream.

    With `role_arn` the role makes the calls itself: CreateLogGroup, CreateLogStream and PutLogEvents must be allowed
    (botocore's ClientError otherwise).
    """
    for batch in _batches(lines):
        if role_arn is None:
            _put_as_platform(group, stream, batch)
        else:
            _put_as_role(_logs_client(role_arn, session_name, account(), region()), group, stream, batch)


def _batches(lines: Sequence[str]) -> Iterator[list[dict[str, Any]]]:
    now = int(time.time() * 1000)
    batch: list[dict[str, Any]] = []
    size = 0
    for line in lines:
        message = line[:EVENT_CHARACTERS]
        if not message:
            continue
        if batch and (len(batch) >= BATCH_EVENTS or size + len(message) * 4 > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append({"timestamp": now, "message": message})
        size += len(message) * 4 + 26
    if batch:
        yield batch


def _put_as_platform(group: str, stream: str, batch: list[dict[str, Any]]) -> None:
    store.create_group(group)
    store.create_stream(group, stream)
    store.put(group, stream, batch)


@functools.lru_cache(maxsize=64)
def _logs_client(role_arn: str, session_name: str, account_id: str, region_name: str) -> BaseClient:
    return roles.client(roles.role_session(role_arn, session_name), "logs")


_opened: set[tuple[int, str, str]] = set()


def _put_as_role(logs: BaseClient, group: str, stream: str, batch: list[dict[str, Any]]) -> None:
    if (id(logs), group, stream) not in _opened:
        _create(logs, "create_log_group", logGroupName=group)
        _create(logs, "create_log_stream", logGroupName=group, logStreamName=stream)
        _opened.add((id(logs), group, stream))
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=batch)


def _create(logs: BaseClient, operation: str, **names: str) -> None:
    try:
        getattr(logs, operation)(**names)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
            raise
