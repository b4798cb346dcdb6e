"""How long AWS's own waits (retries, redeliveries) take here, and how often the clock runs a function."""

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from localcloud.ministack import events, functions

# Lambda repeats a failed asynchronous invocation after one minute, then after two.
FIRST_RETRY_SECONDS = 60.0
LONGEST_RETRY_SECONDS = 300.0
# How long an event source mapping rests after its function failed.
MAPPING_REST_SECONDS = 0.1
# How often schedules are looked at.
TICK_SECONDS = 1.0

_running: Counter[str] = Counter()
_lock = threading.Lock()


def scaled(seconds: float) -> float:
    """A wait of AWS in local seconds: LOCALCLOUD_TIME_SCALE of it, 0.01 unless set; 1 is real time."""
    return seconds * float(os.environ.get("LOCALCLOUD_TIME_SCALE", "0.01"))


@contextmanager
def invocation(function_arn: str, event: Any) -> Iterator[None]:
    """Around each invocation of a function."""
    counted = _is_scheduled(event)
    with _lock:
        _running[function_arn] += counted
    try:
        yield
    finally:
        with _lock:
            _running[function_arn] -= counted


def leaves_out(function_arn: str, event: Any) -> bool:
    """Whether the clock leaves this event out, as the function still runs by an earlier one.

    The clock is faster here than on AWS and the function is not: what has five minutes there would pile up.
    """
    return scaled(1.0) < 1.0 and _is_scheduled(event) and _running[function_arn] > 0


def _is_scheduled(event: Any) -> bool:
    return isinstance(event, Mapping) and event.get("source") == "aws.events"


def _scaled_rate(seconds_of: Callable[[str], float | None]) -> Callable[[str], float | None]:
    """The time between two events of a rule with a rate."""

    def seconds(expression: str) -> float | None:
        found = seconds_of(expression)
        return None if found is None else scaled(found)

    return seconds


def install() -> None:
    events.wrap_rate(_scaled_rate)
    events.tick_every(TICK_SECONDS)
    functions.set_waits(
        first_retry=scaled(FIRST_RETRY_SECONDS),
        longest_retry=scaled(LONGEST_RETRY_SECONDS),
        failed_mapping=MAPPING_REST_SECONDS,
    )
