"""A state that is not the last one has an age, and a limit of its own: what Glue, SageMaker and the looks take."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from tracking.ages import Age, deployment_age, etl_age, training_age

THEN = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
RUN = "0123456789abcdef"


def minutes(age: Age | None) -> float:
    assert age is not None
    return age.limit.total_seconds() / 60


def workflow(status: str, *jobs: dict[str, Any], **more: Any) -> dict[str, Any]:
    nodes = [{"Name": "start"}, {"Name": "job", "JobDetails": {"JobRuns": list(jobs)}}]
    return {"Status": status, "StartedOn": THEN, "Graph": {"Nodes": nodes}, **more}


def test_a_job_may_run_for_as_long_as_glue_lets_it() -> None:
    age = etl_age(workflow("RUNNING", {"Timeout": 120}, {"Timeout": 30}), run_id=RUN)
    assert minutes(age) == 150
    assert age is not None
    assert age.since == THEN


def test_a_workflow_without_a_job_and_a_data_set_without_a_training_wait_for_an_event_alone() -> None:
    assert minutes(etl_age(workflow("RUNNING"), run_id=RUN)) == 30
    ended = THEN + timedelta(hours=1)
    age = etl_age(workflow("COMPLETED", {"Timeout": 120}, CompletedOn=ended), run_id=RUN)
    assert minutes(age) == 30
    assert age is not None
    assert (age.since, age.command) == (ended, f"mlops retry {RUN}")


def test_a_pipeline_may_take_its_jobs() -> None:
    assert minutes(training_age({"StartTime": THEN}, run_id=RUN, job_seconds=3600)) == 330
    assert training_age({}, run_id=RUN, job_seconds=3600) is None


def test_a_version_that_was_requested_has_longer_than_one_that_waits_for_that() -> None:
    package: dict[str, Any] = {"CreationTime": THEN - timedelta(days=9), "LastModifiedTime": THEN}
    waits = deployment_age(package, "houses")
    requested = deployment_age(package | {"CustomerMetadataProperties": {"deployment_state": "requested"}}, "houses")
    assert (minutes(waits), minutes(requested)) == (30, 180)
    assert (waits.since, waits.command) == (THEN, "mlops deploy houses")


@pytest.mark.parametrize(("after", "past"), [(30, False), (31, True)])
def test_past_the_limit_it_is_said_with_the_time_and_the_command(after: int, past: bool) -> None:
    age = Age(THEN.astimezone(timezone(timedelta(hours=5))), timedelta(minutes=30), "mlops retry abc")
    assert age.is_past(THEN + timedelta(minutes=after)) == past
    assert age.words() == "It is so since 2026-01-02 03:04 UTC, and takes 30 minutes at most: mlops retry abc"
