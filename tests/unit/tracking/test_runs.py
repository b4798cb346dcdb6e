"""A run that has not started: its place among the files that wait, and why another one never starts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tracking.place import Place
from tracking.runs import RunReader
from tracking.waiting import Ticket, WaitingList

MODEL, BUCKET = "california_housing", "processed"


class Account:
    """S3 of moto; what Glue and SageMaker list."""

    def __init__(self) -> None:
        self.s3 = boto3.client("s3", region_name="us-east-1")
        self.s3.create_bucket(Bucket=BUCKET)
        self.workflows = list[dict[str, Any]]()

    def client(self, service: str) -> Any:
        return self.s3 if service == "s3" else self

    def get_paginator(self, name: str) -> Account:
        self.listed = {"get_workflow_runs": {"Runs": self.workflows}}.get(name, {"PipelineExecutionSummaries": []})
        return self

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        return [self.listed]

    def get_workflow_run(self, **_: Any) -> dict[str, Any]:
        return {"Run": {**self.workflows[0], "Graph": {"Nodes": []}}}

    @property
    def reader(self) -> RunReader:
        return RunReader(
            Place(client=self.client, prefix="", processed_bucket=BUCKET, artifact_bucket="artifact", workflow="etl"),
            model=MODEL,
        )

    def put(self, number: int, name: str, content: dict[str, Any]) -> None:
        self.s3.put_object(Bucket=BUCKET, Key=f"{MODEL}/run={number:016x}/{name}", Body=json.dumps(content))

    def waits(self, number: int, **changed: Any) -> None:
        upload = {"key": f"{MODEL}/{number}.csv", "uploaded_at": f"2026-01-02T03:04:{number:02}Z"}
        self.put(number, "claim.json", {**upload, "state": "waiting", **changed})
        WaitingList(self.s3, BUCKET).put(Ticket(MODEL, upload["uploaded_at"], "", f"{number:016x}"), upload)


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield Account()


def test_a_file_that_waits_has_its_place_its_time_and_its_name(account: Account) -> None:
    for number in (9, 4, 7):
        account.waits(number)
    run = account.reader.read(f"{7:016x}")
    assert (run.state, run.final, run.place) == ("queued", False, 2)
    assert run.file == f"{MODEL}/7.csv"
    assert run.uploaded == datetime(2026, 1, 2, 3, 4, 7, tzinfo=UTC)
    assert run.reason == "2 of 3 files that wait for their turn, uploaded 2026-01-02 03:04:07 UTC."
    assert run.to_json()["uploaded"] == "2026-01-02T03:04:07+00:00"


def test_files_that_wait_are_listed_newest_first_with_the_others(account: Account) -> None:
    account.waits(4)
    account.waits(7)
    own = {"run_id": f"{1:016x}", "model": MODEL, "key": "old.csv"}
    started = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    account.put(1, "refused.json", {"reason": "empty", "source": {}})
    account.workflows.append(
        {"WorkflowRunId": "wr", "WorkflowRunProperties": own, "Status": "COMPLETED", "StartedOn": started}
    )
    found = account.reader.recent().runs
    assert [(run.run_id, run.state, run.place) for run in found] == [
        (f"{7:016x}", "queued", 2),
        (f"{1:016x}", "refused", None),
        (f"{4:016x}", "queued", 1),
    ]


def test_a_refused_file_that_was_uploaded_again_waits(account: Account) -> None:
    account.put(4, "refused.json", {"reason": "empty", "source": {}})
    own = {"run_id": f"{4:016x}", "model": MODEL}
    account.workflows.append(
        {"WorkflowRunId": "wr", "WorkflowRunProperties": own, "Status": "COMPLETED", "StartedOn": datetime.now(UTC)}
    )
    assert account.reader.read(f"{4:016x}").state == "refused"
    account.waits(4)
    run = account.reader.read(f"{4:016x}")
    assert (run.state, run.started, run.refused) == ("queued", None, None)


def test_between_the_list_and_glue_a_file_is_about_to_start(account: Account) -> None:
    account.put(4, "claim.json", {"key": "k", "uploaded_at": "2026-01-02T03:04:05Z", "state": "starting"})
    assert account.reader.read(f"{4:016x}").reason == "It is about to start."


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("superseded", "A newer file took its place: b.csv."),
        ("failed", "The ETL could not be started: A newer file took its place: b.csv. It waits"),
    ],
)
def test_a_file_that_will_not_start_says_why(account: Account, state: str, words: str) -> None:
    account.put(4, "claim.json", {"key": "k", "state": state, "reason": "A newer file took its place: b.csv."})
    run = account.reader.read(f"{4:016x}")
    assert (run.state, run.final) == (state, True)
    assert run.reason.startswith(words)


def test_without_anything_a_run_is_only_uploaded(account: Account) -> None:
    run = account.reader.read(f"{4:016x}")
    assert (run.state, run.file, run.uploaded) == ("uploaded", "", None)
