"""What a container logs of a request that its model failed on: which request and record, and where in the code.

Never what stands in a record: the words of an exception may quote it.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

# How long records are tried one by one. The request has a time limit of its own, and an answer is worth more.
SECONDS = 2.0
MOST_FRAMES = 20
MOST_WORDS = 500
# A number may be one of the record's, or made of them.
_NUMBER = re.compile(r"(?<![A-Za-z_])[-+]?\d+(?:\.\d*)?(?:e[-+]?\d+)?", re.IGNORECASE)
_HIDDEN = "..."

log = logging.getLogger("inference")


def configure() -> None:
    """Lines go to standard output, from where SageMaker takes them to the endpoint's log group."""
    log.handlers = [logging.StreamHandler(sys.stdout)]
    log.setLevel(logging.INFO)
    log.propagate = False


def write(level: int, event: str, **facts: object) -> None:
    """One JSON object, on one line: each line is an event of its own in the log group."""
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    log.log(level, "%s", json.dumps({"at": at, "level": logging.getLevelName(level), "event": event, **facts}))


def culprit(records: Sequence[Any], predict: Callable[[Any], object], *, refusals: type[Exception]) -> int | None:
    """The position of the first record that fails alone; None when none does, or none was found in time.

    `refusals`: what is raised for a record that is wrong, which is no failure of the model.
    """
    if len(records) == 1:
        return 0
    end = time.monotonic() + SECONDS
    for position, record in enumerate(records):
        if time.monotonic() > end:
            return None
        try:
            predict(record)
        except refusals:
            continue
        except Exception:  # noqa: BLE001 - whatever the model raises, it is this record that it fails on
            return position
    return None


def words_of(error: BaseException, records: Sequence[Any]) -> str:
    """What kind of error it is, and what it says, without numbers and without the texts of the records."""
    said = str(error)[:MOST_WORDS]
    for text in sorted({text for record in records for text in _texts(record)}, key=len, reverse=True):
        said = re.sub(rf"(?<!\w){re.escape(text)}(?!\w)", _HIDDEN, said)
    return f"{type(error).__name__}: {_NUMBER.sub(_HIDDEN, said)}"


def frames_of(error: BaseException) -> str:
    """Where it was raised, as a traceback says it."""
    return "".join(traceback.format_tb(error.__traceback__)[-MOST_FRAMES:]).rstrip()


def _texts(record: object) -> list[str]:
    found = record.values() if isinstance(record, Mapping) else [record]
    return [value for value in found if isinstance(value, str) and value]
