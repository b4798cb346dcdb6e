"""dispatch: files that wait are started in their turn, each once, as far as the workflow has room."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.unit.lambdas.loading import load_function
from tests.unit.lambdas.test_start_etl import BUCKET, ENVIRONMENT, batch, uploaded
from tracking.waiting import Ticket, WaitingList

HOUSES, TUMOURS = "california_housing", "breast_cancer"
WOKEN = {"source": "aws.s3", "detail-type": "Object Created"}
JOB_ENDED = {"source": "aws.glue", "detail-type": "Glue Job State Change"}


class FakeGlue:
    """The workflow: at most `limit` runs at once. `errors`: codes of the next starts, "" for none."""

    def __init__(self, limit: int = 3) -> None:
        self.limit, self.errors = limit, list[str]()
        self.runs = dict[str, dict[str, Any]]()
        self.exceptions = SimpleNamespace(EntityNotFoundException=KeyError)
        self.answers_lost = False

    def start_workflow_run(self, *, Name: str, RunProperties: dict[str, str]) -> dict[str, str]:  # noqa: N803
        code = self.errors.pop(0) if self.errors else ""
        if not code and len(self.under_way) >= self.limit:
            code = "ConcurrentRunsExceededException"
        if code:
            raise ClientError({"Error": {"Code": code, "Message": code}}, "StartWorkflowRun")
        name = f"wr_{len(self.runs)}"
        self.runs[name] = {
            "WorkflowRunId": name,
            "Status": "RUNNING",
            "StartedOn": datetime.now(UTC),
            "WorkflowRunProperties": RunProperties,
        }
        if self.answers_lost:
            raise ClientError({"Error": {"Code": "InternalServiceException", "Message": ""}}, "StartWorkflowRun")
        return {"RunId": name}

    def get_workflow_run(self, *, Name: str, RunId: str) -> dict[str, Any]:  # noqa: N803
        return {"Run": self.runs[RunId]}

    def get_paginator(self, _operation: str) -> SimpleNamespace:
        return SimpleNamespace(paginate=lambda Name: [{"Runs": [run]} for run in self.runs.values()])  # noqa: N803

    @property
    def under_way(self) -> list[dict[str, Any]]:
        return [run for run in self.runs.values() if run["Status"] == "RUNNING"]

    @property
    def started(self) -> list[str]:
        """Keys of the files, in the order of their starts."""
        return [run["WorkflowRunProperties"]["key"] for run in self.runs.values()]

    def end(self, *keys: str) -> None:
        for run in self.runs.values():
            if run["WorkflowRunProperties"]["key"] in keys:
                run["Status"] = "COMPLETED"


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    with mock_aws():
        function = load_function("start_etl", ENVIRONMENT)
        location = {"LocationConstraint": "eu-west-1"}
        function.settings.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=location)
        monkeypatch.setattr(function.dispatch, "PAUSE_SECONDS", 0.01)
        yield function


@pytest.fixture
def glue(function: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> FakeGlue:
    fake = FakeGlue()
    monkeypatch.setattr(function.settings, "glue", fake)
    monkeypatch.setattr(function.starting, "glue", fake)
    return fake


def waits(function: SimpleNamespace, model: str, number: int, *, claimed: bool = True, **changed: Any) -> Ticket:
    """File `number` of the model, uploaded in second `number`."""
    upload = {
        "model": model,
        "bucket": "raw",
        "key": f"{model}/{number}.csv",
        "version": "v1",
        "etag": f"{number:032x}",
        "size": 10,
        "uploaded_at": f"2026-01-02T03:{number // 60:02}:{number % 60:02}Z",
        "sequencer": f"{number:018X}",
        "run_id": f"{number:016x}",
        **changed,
    }
    if claimed:
        claim(function, model, number, {**upload, "state": "waiting"})
    ticket = Ticket(model, upload["uploaded_at"], upload["sequencer"], upload["run_id"])
    listed(function).put(ticket, upload)
    return ticket


def claim(function: SimpleNamespace, model: str, number: int, content: dict[str, Any]) -> None:
    key = f"{model}/run={number:016x}/claim.json"
    function.settings.s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(content).encode())


def claim_of(function: SimpleNamespace, model: str, number: int) -> dict[str, Any]:
    key = f"{model}/run={number:016x}/claim.json"
    return json.loads(function.settings.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())


def listed(function: SimpleNamespace) -> WaitingList:
    return WaitingList(function.settings.s3, BUCKET)


def left(function: SimpleNamespace, model: str = HOUSES) -> list[int]:
    return [int(ticket.run_id, 16) for ticket in listed(function).of(model)]


def wake(function: SimpleNamespace, *events: dict[str, Any]) -> None:
    function.dispatch.handler({"Records": [{"body": json.dumps(event)} for event in events or (WOKEN,)]}, None)


def test_the_oldest_files_start_and_the_others_keep_waiting(function: SimpleNamespace, glue: FakeGlue) -> None:
    for number in (5, 3, 1, 4, 2):
        waits(function, HOUSES, number)
    wake(function)
    assert glue.started == [f"{HOUSES}/{number}.csv" for number in (1, 2, 3)]
    assert left(function) == [4, 5]
    assert claim_of(function, HOUSES, 1)["workflow_run"] == "wr_0"
    assert claim_of(function, HOUSES, 4)["state"] == "waiting"


def test_the_job_is_told_which_file_it_is(function: SimpleNamespace, glue: FakeGlue) -> None:
    waits(function, HOUSES, 7)
    wake(function)
    assert glue.runs["wr_0"]["WorkflowRunProperties"] == {
        "model": HOUSES,
        "bucket": "raw",
        "key": f"{HOUSES}/7.csv",
        "version": "v1",
        "etag": f"{7:032x}",
        "size": "10",
        "uploaded_at": "2026-01-02T03:00:07Z",
        "sequencer": f"{7:018X}",
        "run_id": f"{7:016x}",
    }


def test_each_file_starts_once_however_many_events_wake_it(function: SimpleNamespace, glue: FakeGlue) -> None:
    glue.limit = 100
    for number in range(10):
        waits(function, HOUSES, number)
    for _ in range(20):
        wake(function, WOKEN, WOKEN)
        glue.end(*glue.started)
    assert glue.started == [f"{HOUSES}/{number}.csv" for number in range(10)]
    assert left(function) == []


def test_files_of_one_second_start_in_the_order_of_their_versions(function: SimpleNamespace, glue: FakeGlue) -> None:
    for number in (2, 1):
        waits(function, HOUSES, number, uploaded_at="2026-01-02T03:00:00Z")
    wake(function)
    assert glue.started == [f"{HOUSES}/1.csv", f"{HOUSES}/2.csv"]


def test_a_file_does_not_wait_behind_the_many_of_another_model(function: SimpleNamespace, glue: FakeGlue) -> None:
    for number in range(30):
        waits(function, HOUSES, number, claimed=False)
    waits(function, TUMOURS, 2000)
    wake(function)
    assert sorted(glue.started) == [f"{TUMOURS}/2000.csv", f"{HOUSES}/0.csv", f"{HOUSES}/1.csv"]


def test_models_take_turns_where_there_is_one_place(function: SimpleNamespace, glue: FakeGlue) -> None:
    glue.limit = 1
    for number in range(3):
        waits(function, HOUSES, number)
        waits(function, TUMOURS, 10 + number)
    for _ in range(6):
        wake(function)
        glue.end(*glue.started)
    models = [key.partition("/")[0] for key in glue.started]
    assert models == [TUMOURS, HOUSES] * 3


@pytest.mark.parametrize(
    "code", ["ConcurrentRunsExceededException", "ResourceNumberLimitExceededException", "ThrottlingException"]
)
def test_a_full_or_busy_glue_is_no_failure(function: SimpleNamespace, glue: FakeGlue, code: str) -> None:
    """However often: the file keeps its place, and starts at the first event that finds room."""
    waits(function, HOUSES, 1)
    for _ in range(8):
        glue.errors = [code]
        wake(function)
    assert (left(function), claim_of(function, HOUSES, 1)["state"]) == ([1], "waiting")
    wake(function)
    assert glue.started == [f"{HOUSES}/1.csv"]


def test_after_a_job_the_end_of_its_workflow_run_is_waited_for(
    function: SimpleNamespace, glue: FakeGlue, monkeypatch: pytest.MonkeyPatch
) -> None:
    glue.limit = 1
    waits(function, HOUSES, 1)
    waits(function, HOUSES, 2)
    wake(function)
    monkeypatch.setattr(function.dispatch.time, "sleep", lambda _seconds: glue.end(f"{HOUSES}/1.csv"))
    wake(function)
    assert glue.started == [f"{HOUSES}/1.csv"]
    wake(function, JOB_ENDED)
    assert glue.started == [f"{HOUSES}/1.csv", f"{HOUSES}/2.csv"]


def test_a_run_that_never_ends_does_not_keep_its_place(function: SimpleNamespace, glue: FakeGlue) -> None:
    glue.limit = 4
    for number in range(4):
        waits(function, HOUSES, number)
    wake(function)
    assert len(glue.started) == 3
    glue.runs["wr_0"]["StartedOn"] -= timedelta(minutes=61)
    wake(function)
    assert len(glue.started) == 4


def test_a_start_whose_answer_was_lost_is_found_and_not_repeated(function: SimpleNamespace, glue: FakeGlue) -> None:
    waits(function, HOUSES, 1)
    glue.answers_lost = True
    with pytest.raises(ClientError):
        wake(function)
    # Even when it ended meanwhile.
    glue.end(f"{HOUSES}/1.csv")
    glue.answers_lost = False
    wake(function)
    assert glue.started == [f"{HOUSES}/1.csv"]
    assert claim_of(function, HOUSES, 1)["workflow_run"] == "wr_0"
    assert left(function) == []


def test_a_start_that_did_not_happen_is_repeated(function: SimpleNamespace, glue: FakeGlue) -> None:
    """An older run with the same id is another attempt: its file was refused, and uploaded again."""
    waits(function, HOUSES, 1)
    wake(function)
    glue.end(f"{HOUSES}/1.csv")
    glue.runs["wr_0"]["StartedOn"] = datetime.now(UTC) - timedelta(minutes=5)
    waits(function, HOUSES, 1)
    glue.errors = ["InternalServiceException"]
    with pytest.raises(ClientError):
        wake(function)
    wake(function)
    assert glue.started == [f"{HOUSES}/1.csv"] * 2


def test_a_lasting_fault_is_raised_and_loses_no_file(function: SimpleNamespace, glue: FakeGlue) -> None:
    waits(function, HOUSES, 1)
    for _ in range(4):
        glue.errors = ["AccessDeniedException"]
        with pytest.raises(ClientError, match="AccessDenied"):
            wake(function)
    wake(function)
    assert glue.started == [f"{HOUSES}/1.csv"]


def test_a_file_that_glue_does_not_take_is_given_up_and_holds_up_no_other(
    function: SimpleNamespace, glue: FakeGlue, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = list[dict[str, Any]]()
    monkeypatch.setattr(function.dispatch, "sqs", SimpleNamespace(send_message=lambda **message: sent.append(message)))
    waits(function, HOUSES, 1)
    waits(function, HOUSES, 2)
    glue.errors = ["InvalidInputException"]
    wake(function)
    assert glue.started == [f"{HOUSES}/2.csv"]
    assert claim_of(function, HOUSES, 1)["state"] == "failed"
    [message] = sent
    assert message["QueueUrl"] == ENVIRONMENT["UPLOAD_DLQ_URL"]
    assert message["MessageAttributes"]["TARGET_ARN"]["StringValue"] == ENVIRONMENT["UPLOAD_QUEUE_ARN"]
    upload = function.logic.upload_of(message["MessageBody"])
    assert (upload.key, upload.version, upload.etag) == (f"{HOUSES}/1.csv", "v1", f"{1:032x}")


def test_a_ticket_that_was_used_is_taken_away(function: SimpleNamespace, glue: FakeGlue) -> None:
    """Its dispatch died before it could."""
    ticket = waits(function, HOUSES, 1)
    upload = listed(function).upload(ticket)
    claim(function, HOUSES, 1, {**upload, "state": "started", "workflow_run": "wr_before"})
    wake(function)
    assert (glue.started, left(function)) == ([], [])


def test_a_ticket_without_its_claim_starts_all_the_same(function: SimpleNamespace, glue: FakeGlue) -> None:
    waits(function, HOUSES, 1, claimed=False)
    wake(function)
    assert claim_of(function, HOUSES, 1)["workflow_run"] == "wr_0"


def test_files_of_a_model_that_is_not_deployed_are_left_alone(function: SimpleNamespace, glue: FakeGlue) -> None:
    waits(function, "gone", 1)
    waits(function, HOUSES, 2)
    wake(function)
    assert glue.started == [f"{HOUSES}/2.csv"]
    assert left(function, "gone") == [1]


def test_what_somebody_put_among_the_tickets_is_no_ticket(function: SimpleNamespace, glue: FakeGlue) -> None:
    for key in (f"_waiting/{HOUSES}/notes.txt", "_waiting/readme"):
        function.settings.s3.put_object(Bucket=BUCKET, Key=key, Body=b"")
    wake(function)
    assert glue.started == []


@pytest.fixture
def newest(function: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model runs the newest of its files that wait."""
    contracts = {**function.dispatch.CONTRACTS}
    contracts[HOUSES] = replace(contracts[HOUSES], uploads="newest")
    monkeypatch.setattr(function.dispatch, "CONTRACTS", contracts)
    monkeypatch.setattr(function.handler, "CONTRACTS", contracts)


@pytest.mark.usefixtures("newest")
def test_the_newest_file_takes_the_place_of_the_others(function: SimpleNamespace, glue: FakeGlue) -> None:
    for number in (1, 2, 3):
        waits(function, HOUSES, number)
        waits(function, TUMOURS, 10 + number)
    glue.limit = 1
    wake(function)
    glue.end(*glue.started)
    wake(function)
    assert sorted(glue.started) == [f"{TUMOURS}/11.csv", f"{HOUSES}/3.csv"]
    assert (left(function), left(function, TUMOURS)) == ([], [12, 13])
    for number in (1, 2):
        claim = claim_of(function, HOUSES, number)
        assert claim["state"] == "superseded"
        assert claim["reason"].startswith(f"{HOUSES}/3.csv was uploaded before its turn came")
    assert claim_of(function, HOUSES, 3)["state"] == "started"


@pytest.mark.usefixtures("newest")
def test_a_file_that_may_have_started_is_not_superseded(function: SimpleNamespace, glue: FakeGlue) -> None:
    waits(function, HOUSES, 1)
    glue.answers_lost = True
    with pytest.raises(ClientError):
        wake(function)
    waits(function, HOUSES, 2)
    glue.answers_lost = False
    wake(function)
    assert glue.started == [f"{HOUSES}/1.csv", f"{HOUSES}/2.csv"]
    assert claim_of(function, HOUSES, 1)["state"] == "started"


@pytest.mark.usefixtures("newest")
def test_bytes_that_are_uploaded_again_are_the_newest(function: SimpleNamespace, glue: FakeGlue) -> None:
    def upload(name: str, second: int) -> None:
        event = uploaded(f"{HOUSES}/{name}.csv", etag=hashlib.md5(name.encode()).hexdigest(), version=f"v{second}")
        event["time"] = f"2026-01-02T03:04:{second:02}Z"
        assert function.handler.handler(batch(event), None) == {"batchItemFailures": []}

    for second, name in enumerate(("a", "b", "a")):
        upload(name, second)
    upload("a", 0)  # once more, late
    wake(function)
    assert glue.started == [f"{HOUSES}/a.csv"]
    assert glue.runs["wr_0"]["WorkflowRunProperties"]["version"] == "v2"
    assert left(function) == []
