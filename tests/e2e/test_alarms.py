"""No alarm is left out: every queue of dead letters and every function here, the others where their cause is made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.config import Config

from tests.e2e.alarms import fired, wait_until_fired
from tests.e2e.conftest import Platform

# Alarm -> the file that makes its cause.
ELSEWHERE = {
    "etl-failures": "test_runbooks",
    "refused-files": "test_runbooks",
    "lost-events": "test_lost_events",
    "pipeline-failures": "test_runbooks",
    "california-housing-deployment-failures": "test_lifecycle",
    "california-housing-rejected-serving": "test_states",
    "california-housing-5xx": "test_lifecycle",
    "california-housing-latency": "test_lifecycle",
}
# All functions of the platform.
FUNCTIONS = 11
# An endpoint of the second model has the same ones, made by the same construct.
SECOND_MODEL = "breast-cancer-"


@pytest.fixture(scope="module")
def alarms(platform: Platform) -> Mapping[str, Mapping[str, Any]]:
    """Every alarm of the environment, by its name without the prefix."""
    pages = platform.target.client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNamePrefix="mlops-dev-")
    found = (alarm for page in pages for alarm in page["MetricAlarms"])
    return {alarm["AlarmName"].removeprefix("mlops-dev-"): alarm for alarm in found}


def watched(alarms: Mapping[str, Mapping[str, Any]], suffix: str, dimension: str) -> dict[str, str]:
    """Alarm -> what it watches, of those whose names end so."""
    return {
        name: next(d["Value"] for d in alarm["Dimensions"] if d["Name"] == dimension)
        for name, alarm in alarms.items()
        if name.endswith(suffix) and name not in ELSEWHERE
    }


@contextmanager
def all_fire(platform: Platform, names: Mapping[str, str]) -> Iterator[None]:
    before = {name: fired(platform, name) for name in names}
    yield
    for name, count in before.items():
        wait_until_fired(platform, name, count)


@pytest.fixture(scope="module")
def functions(platform: Platform) -> Any:
    once = Config(retries={"total_max_attempts": 1})
    return platform.target.session.client("lambda", endpoint_url=platform.target.endpoint, config=once)


def test_every_alarm_is_made_to_fire_somewhere(alarms: Mapping[str, Mapping[str, Any]]) -> None:
    here = {name for name in alarms if name.endswith(("-dlq", "-errors", "-throttles"))}
    second = {name for name in alarms if name.startswith(SECOND_MODEL)}
    assert set(alarms) - here - second == set(ELSEWHERE)
    assert {"california-housing-" + name.removeprefix(SECOND_MODEL) for name in second} <= set(ELSEWHERE)


def test_a_message_that_was_given_up_is_told(platform: Platform, alarms: Mapping[str, Mapping[str, Any]]) -> None:
    queues = watched(alarms, "-dlq", "QueueName")
    names = ("upload", "dispatch", "training", "serving", "batch", "recovery")
    assert set(queues) == {f"{name}-dlq" for name in names}
    sqs = platform.target.client("sqs")
    with all_fire(platform, queues):
        for queue in queues.values():
            group = {"MessageGroupId": "one", "MessageDeduplicationId": "one"} if queue.endswith(".fifo") else {}
            url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
            sqs.send_message(QueueUrl=url, MessageBody=f"given up in {queue}", **group)


def test_a_function_that_fails_is_told(
    platform: Platform, functions: Any, alarms: Mapping[str, Mapping[str, Any]]
) -> None:
    failing = watched(alarms, "-errors", "FunctionName")
    assert len(failing) == FUNCTIONS
    s3, bucket = platform.target.client("s3"), platform.target.place.processed_bucket
    # What reconcile reads first: it needs no event.
    record = {"Bucket": bucket, "Key": "reconcile/progress.json"}
    with all_fire(platform, failing):
        s3.put_object(**record, Body=b"no record")
        for name in failing.values():
            answer = functions.invoke(FunctionName=name, Payload=b'"no event"')
            assert answer.get("FunctionError") == "Unhandled", name
        s3.delete_object(**record)


def test_a_function_that_may_not_run_is_told(
    platform: Platform, functions: Any, alarms: Mapping[str, Mapping[str, Any]]
) -> None:
    held = watched(alarms, "-throttles", "FunctionName")
    assert len(held) == FUNCTIONS
    with all_fire(platform, held):
        for name in held.values():
            functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
            with pytest.raises(functions.exceptions.TooManyRequestsException):
                functions.invoke(FunctionName=name, Payload=b"{}")
            functions.delete_function_concurrency(FunctionName=name)


def test_an_alarm_without_its_cause_stays_quiet(platform: Platform) -> None:
    assert [name for name in ELSEWHERE if fired(platform, name)] == []
