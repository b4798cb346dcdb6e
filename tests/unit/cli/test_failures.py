"""What commands say about repeated uploads, wrong models and calls that fail."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import ClientError, EndpointConnectionError, NoRegionError, WaiterError

from cli import api, follow, given_up, local, runs
from cli.errors import CliError
from cli.options import errors
from cli.render import print_runs
from cli.runs import doubt, failure_in, find_run, retry
from cli.terminal import Console
from tracking.logs import Line
from tracking.place import Place
from tracking.progress import etl_state
from tracking.run import Run
from tracking.runs import RunReader

MODEL = "california_housing"
UNUSED: Any = None
REFUSED = Run(
    run_id="0123456789abcdef",
    model=MODEL,
    state="refused",
    file=f"{MODEL}/housing.csv",
    started=datetime(2026, 1, 1, 12, tzinfo=UTC),
    reason="housing.csv: the file is empty.",
    steps=(),
    manifest=None,
    evaluation=None,
    evaluation_uri="",
    model_version=None,
)
LIVE = replace(
    REFUSED,
    state="live",
    reason="Served by it.",
    manifest={"rows": {"read": 5000}},
    evaluation={"gate": {"decision": "register", "metric": "rmse", "value": 43098.4}},
    model_version=3,
)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (S3UploadFailedError("Failed to upload a.csv: denied"), "Failed to upload a.csv: denied"),
        (NoRegionError(), "You must specify a region."),
        (WaiterError("endpoint_deleted", "Max attempts exceeded", {}), "Max attempts exceeded"),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:9/"), "at http://127.0.0.1:9/ no longer answers."),
    ],
)
def test_a_failing_call_is_one_json_object(capsys: pytest.CaptureFixture[str], error: Exception, message: str) -> None:
    with pytest.raises(typer.Exit) as ended, errors(as_json=True):
        raise error
    assert ended.value.exit_code == 1
    told = json.loads(capsys.readouterr().out)
    assert told["error"].endswith(message)
    # Only what could not be asked at all is a matter of credentials.
    assert ("credentials" in told["hint"]) == isinstance(error, NoRegionError)


def test_an_interruption_is_exit_code_130(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended, errors(as_json=True):
        raise KeyboardInterrupt
    assert ended.value.exit_code == 130
    assert json.loads(capsys.readouterr().out) == {"error": "Interrupted.", "hint": "", "log": []}


def test_every_fault_of_a_model_file_is_told_once() -> None:
    error = local._synth_error(["model.toml: quality.min_row: unknown key", "model.toml: quality.min_rows: is missing"])
    assert error.message.endswith(
        "synthesise: model.toml: quality.min_row: unknown key; model.toml: quality.min_rows: is missing"
    )
    assert error.log == ()


def test_a_traceback_of_the_synthesis_is_kept() -> None:
    error = local._synth_error(["Traceback (most recent call last):", "  File x", "KeyError: 'a'"])
    assert error.message == "The application does not synthesise: KeyError: 'a'"
    assert error.log[0].startswith("Traceback")


def test_the_same_data_again_says_what_became_of_it() -> None:
    said = follow.what_became_of(LIVE, f"{MODEL}/other.csv")
    assert f"as {MODEL}/housing.csv and is live: Served by it. Nothing runs again." in said
    assert " as " not in follow.what_became_of(LIVE, LIVE.file)
    assert follow.what_became_of(REFUSED, REFUSED.file).endswith("the file is empty. It is tried again.")
    assert follow.what_became_of(replace(LIVE, state="failed"), LIVE.file).endswith("mlops retry 0123456789abcdef.")


def test_the_refusal_of_an_earlier_upload_is_not_taken_for_the_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    again = replace(REFUSED, started=datetime(2026, 1, 1, 13, tzinfo=UTC), reason="refused once more")
    answers = iter([REFUSED, replace(again, state="etl"), again])

    class Reader:
        def __init__(self, *_: object, **__: object) -> None: ...

        def read(self, _run_id: str) -> Run:
            return next(answers)

    monkeypatch.setattr(follow, "RunReader", Reader)
    target: Any = SimpleNamespace(where="local", place=None)
    console = Console(file=io.StringIO())
    run = follow.follow(target, model=MODEL, run_id=again.run_id, console=console, timeout=5, earlier=REFUSED)
    assert run.reason == "refused once more"


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (LIVE, "nothing to retry: run 0123456789abcdef is live"),
        (REFUSED, r"no data set to train on: housing.csv: the file is empty\. .*mlops upload housing\.csv"),
        (replace(LIVE, state="training"), r"under way \(training\)"),
        (
            replace(LIVE, state="failed", manifest=None),
            "no data set .*: mlops retry 0123456789abcdef --from etl",
        ),
        (replace(LIVE, state="training", since=datetime(2026, 1, 1, tzinfo=UTC)), r"under way \(training since "),
        (
            replace(LIVE, state="deploying", overdue=True, reason="It is so since 2026."),
            r"made version 3, which is not live yet\. It is so since 2026\. .*mlops deploy california_housing",
        ),
    ],
)
def test_a_retry_that_would_change_nothing_is_refused(run: Run, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(given_up, "put_back", lambda *_: False)
    with pytest.raises(CliError, match=words):
        retry(UNUSED, run)


def test_a_run_whose_event_is_lost_is_trained_again_although_it_has_not_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr("cli.runs.train_again", lambda _, **what: asked.append(what) or "arn")
    stuck = replace(LIVE, state="training", overdue=True)
    assert retry(UNUSED, stuck) == "arn"
    assert asked == [{"model": MODEL, "run_id": stuck.run_id, "fresh": False}]


def test_the_list_of_runs_tells_since_when_a_run_is_under_way() -> None:
    console = Console(file=(out := io.StringIO()), width=160, soft_wrap=True)
    since = datetime.now(UTC) - timedelta(minutes=7, seconds=20)
    print_runs(console, [replace(LIVE, state="deploying", since=since, reason="The endpoint is about to change.")])
    assert "for 7 min. The endpoint is about to change." in out.getvalue()


def test_the_list_of_runs_keeps_its_ids_on_a_narrow_terminal() -> None:
    console = Console(file=(out := io.StringIO()), width=80, soft_wrap=True)
    print_runs(console, [LIVE, replace(REFUSED, reason="a long reason " * 20)])
    _, live, refused = out.getvalue().splitlines()
    assert live.split()[0] == refused.split()[0] == "0123456789abcdef"
    assert "version 3, test RMSE" in live


def test_the_list_of_runs_says_why_a_version_waits_for_a_person() -> None:
    why = "Version 3 waits for a person's approval. It is not comparable."
    gate = {"decision": "register", "metric": "rmse", "value": 43098.4}
    asked = replace(LIVE, state="waiting", reason=why, evaluation={"gate": {**gate, "approval": "person"}})
    usual = replace(LIVE, state="waiting", reason=why, evaluation={"gate": {**gate, "approval": "stage"}})
    console = Console(file=(out := io.StringIO()), width=200, soft_wrap=True)
    print_runs(console, [asked, usual])
    _, first, second = out.getvalue().splitlines()
    assert why in first
    assert "version 3, test RMSE" in second


def test_each_fault_of_a_request_is_told_once_and_not_too_many() -> None:
    faults = [{"instance": i, "field": "age", "reason": "is missing"} for i in range(25)]
    one = api._reasons({"detail": "1 invalid value(s); the first: instance 0, age: is missing", "errors": faults[:1]})
    assert one == "instance 0, age: is missing"
    assert api._reasons({"errors": faults}).endswith("instance 19, age: is missing; and 5 more")
    assert api._reasons({"message": "Forbidden"}) == "Forbidden"


def test_a_training_that_does_not_start_says_what_start_training_said() -> None:
    def line(second: int, **record: str) -> Line:
        return Line(datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC), "StartTraining", "g", "s", json.dumps(record))

    started = line(1, level="INFO", event="Training started")
    failed = line(2, level="ERROR", event="Failed", error="MissingCodeError: The code is gone.")
    assert failure_in([started]) == ""
    assert failure_in([started, failed]) == "MissingCodeError: The code is gone"


@pytest.mark.parametrize("state", ["live", "waiting"])
def test_a_run_that_went_well_is_trained_again_when_that_is_said(state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(runs, "train_again", lambda _, **wanted: asked.append(wanted) or "arn")
    run = replace(LIVE, state=state)
    with pytest.raises(CliError, match=f"To train all the same: mlops retry {LIVE.run_id} --fresh"):
        retry(UNUSED, run)
    assert retry(UNUSED, run, fresh=True) == "arn"
    assert asked == [{"model": MODEL, "run_id": LIVE.run_id, "fresh": True}]


def test_a_data_set_that_is_lost_is_told_apart_from_one_that_was_never_made() -> None:
    def workflow(job: str, **more: str) -> dict[str, Any]:
        runs_of_the_job = {"JobDetails": {"JobRuns": [{"JobRunState": job, **more}]}}
        return {"Status": "COMPLETED", "Graph": {"Nodes": [{"Name": "etl", **runs_of_the_job}]}}

    lost = etl_state(workflow("SUCCEEDED"), None, None, run_id="abc")
    assert lost == (
        "failed",
        "The ETL job made a data set, and its manifest.json is gone. Make it anew: mlops retry abc --from etl",
    )
    assert etl_state(workflow("FAILED", ErrorMessage="out of memory"), None, None, run_id="abc") == (
        "failed",
        "out of memory",
    )


class Storage:
    """One bucket with the run of one model, whose workflow all models share."""

    def __init__(self, model: str) -> None:
        self._model = model

    def client(self, _service: str) -> Storage:
        return self

    def list_objects_v2(self, *, Prefix: str, **_: Any) -> dict[str, Any]:  # noqa: N803  (AWS's name)
        return {"KeyCount": int(Prefix == f"{self._model}/run=abc/")}

    def get_paginator(self, name: str) -> Storage:
        assert name in ("get_workflow_runs", "list_objects_v2")
        return self

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        own = {"run_id": "abc", "model": self._model, "key": f"{self._model}/a.csv"}
        run = {"WorkflowRunId": "wr", "WorkflowRunProperties": own, "Status": "COMPLETED", "StartedOn": REFUSED.started}
        return [{"Runs": [run]}]

    def get_workflow_run(self, **_: Any) -> dict[str, Any]:
        (page,) = self.paginate()
        (run,) = page["Runs"]
        job = {"Id": "jr", "JobRunState": "FAILED", "ErrorMessage": "out of memory"}
        return {"Run": {**run, "Graph": {"Nodes": [{"Name": "Prepare rows", "JobDetails": {"JobRuns": [job]}}]}}}

    def resources(self, _kind: str) -> dict[str, str]:
        return {}

    def get_object(self, **_: Any) -> None:
        raise ClientError({"Error": {"Code": "NoSuchKey", "Message": "gone"}}, "GetObject")

    @property
    def place(self) -> Place:
        return Place(
            client=self.client, prefix="", processed_bucket="processed", workflow="etl", artifact_bucket="artifact"
        )

    models = ("breast_cancer", "california_housing", "churn")


@pytest.mark.parametrize("model", Storage.models)
def test_a_run_is_found_whichever_model_it_is_of(model: str) -> None:
    run = find_run(Storage(model), model=None, run_id="abc")  # type: ignore[arg-type]
    assert (run.model, run.state, run.reason, run.file) == (model, "failed", "out of memory", f"{model}/a.csv")


def test_a_run_of_another_model_is_none_of_this_one() -> None:
    """All models share one workflow: its run alone does not say that something failed."""
    with pytest.raises(CliError, match="There is no run abc of churn"):
        find_run(Storage("breast_cancer"), model="churn", run_id="abc")  # type: ignore[arg-type]
    with pytest.raises(CliError, match="There is no run abc"):
        find_run(Storage("other"), model=None, run_id="abc")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "version", "words"),
    [
        ("rejected", 3, "made version 3, which is rejected: me: prices look odd."),
        ("superseded", 3, "made version 3, which is superseded: me: prices look odd."),
        ("rejected", None, ""),
        ("failed", None, ""),
        ("live", 3, ""),
    ],
)
def test_a_retry_asks_where_a_version_came_to_an_end(state: str, version: int | None, words: str) -> None:
    run = replace(LIVE, state=state, model_version=version, reason="me: prices look odd.")
    assert doubt(run) == (f"Run {run.run_id} {words}" if words else "")


def test_a_run_that_is_refused_while_it_is_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The job writes refused.json and ends between two of the reader's calls."""
    written: dict[str, Any] = {}

    def end_of_the_job(_self: RunReader, listed: dict[str, Any]) -> dict[str, Any]:
        written["refused"] = {"reason": "empty.csv: the file is empty", "source": {}}
        return {**listed, "Status": "COMPLETED", "Graph": {"Nodes": []}}

    running = {"Status": "RUNNING", "StartedOn": None}
    monkeypatch.setattr(RunReader, "_workflow_runs", lambda _self, _run_id: iter([running]))
    monkeypatch.setattr(RunReader, "_with_graph", end_of_the_job)
    monkeypatch.setattr(RunReader, "_document", lambda _self, _run_id, name: written.get(name))
    monkeypatch.setattr(RunReader, "_claim", lambda _self, _run_id: {"state": "started"})

    place = Place(
        client=pytest.fail,
        prefix="",
        processed_bucket="processed",
        shared_bucket="artifact",
        workflow="etl",
        artifact_bucket="artifact",
    )
    run = RunReader(place, model="california_housing").read("abc")
    assert (run.state, run.reason) == ("refused", "empty.csv: the file is empty")
