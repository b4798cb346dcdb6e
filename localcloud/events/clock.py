"""How long AWS's own waits (retries, redeliveries) take here."""

import os

from ministack.services import eventbridge, lambda_svc, scheduler

HOOKS = (
    ("ministack.services.eventbridge", "_SCHEDULER_TICK_INTERVAL"),
    ("ministack.services.lambda_svc", "_LAMBDA_ASYNC_RETRY_BASE_SECONDS"),
    ("ministack.services.lambda_svc", "_LAMBDA_ASYNC_RETRY_MAX_SECONDS"),
    ("ministack.services.scheduler", "_SCHEDULE_TICK_INTERVAL"),
)

# Lambda repeats a failed asynchronous invocation after one minute, then after two.
FIRST_RETRY_SECONDS = 60.0
LONGEST_RETRY_SECONDS = 300.0
# How often schedules are looked at.
TICK_SECONDS = 1.0


def scaled(seconds: float) -> float:
    """A wait of AWS in local seconds: LOCALCLOUD_TIME_SCALE of it, 0.01 unless set; 1 is real time."""
    return seconds * float(os.environ.get("LOCALCLOUD_TIME_SCALE", "0.01"))


def install() -> None:
    eventbridge._SCHEDULER_TICK_INTERVAL = TICK_SECONDS
    scheduler._SCHEDULE_TICK_INTERVAL = TICK_SECONDS
    lambda_svc._LAMBDA_ASYNC_RETRY_BASE_SECONDS = scaled(FIRST_RETRY_SECONDS)
    lambda_svc._LAMBDA_ASYNC_RETRY_MAX_SECONDS = scaled(LONGEST_RETRY_SECONDS)
