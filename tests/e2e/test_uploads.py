"""What the deployed application does with good, bad and repeated uploads."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli import api
from cli.errors import CliError
from cli.follow import raise_for_failure
from cli.function_logs import function_logs
from cli.rows import raw_table, rejected
from cli.tables import cell_text
from contract.books import books_of
from tests.e2e.conftest import MODEL, Platform
from tests.records import example
from tests.secret_guard import secrets
from tracking.logs import run_lines
from tracking.runs import RunReader, list_runs

Rows = Callable[..., Path]
# A model of other rows may be worse than the one that an earlier test made live.
TRAINED = ("live", "rejected")
FINE = "-122.23,37.88,41.0,880.0,129.0,322.0,126.0,8.3252,452600.0,NEAR BAY"


def test_bad_rows_are_set_aside_with_their_reason_and_the_run_succeeds(platform: Platform, rows_file: Rows) -> None:
    bad = (
        FINE.replace("880.0", "many"),
        FINE.replace("NEAR BAY", "MOON"),
        FINE.replace("452600.0", ""),
        FINE + ",extra",
        FINE.replace("322.0", "-3"),
    )
    file = rows_file(seed=1, rows=6000, extra=bad)
    run = platform.run(file)
    assert run.state in TRAINED, run.reason
    assert run.manifest is not None
    assert run.manifest["rows"]["rejected"] == 5
    kept = list(rejected(platform.target, run))
    assert [reject.line for reject in kept] == [6002, 6003, 6004, 6005, 6006]
    assert [reject.row for reject in kept] == list(bad)
    for reject, words in zip(
        kept, ("total_rooms", "ocean_proximity", "median_house_value", "field", "population"), strict=True
    ):
        assert words in reject.reason
    assert set(run.manifest["examples"].values()) == {f"line {reject.line}: {reject.reason}" for reject in kept}


def test_the_test_rows_of_a_run_are_rows_of_its_file(platform: Platform, rows_file: Rows) -> None:
    file = rows_file(seed=4, rows=1500)
    run = platform.run(file)
    assert run.manifest is not None, run.reason
    table = raw_table(platform.target, run, "test")
    found = [dict(zip(table.header, map(cell_text, cells), strict=True)) for cells in table.rows]
    assert len(found) == run.manifest["rows"]["test"]
    with file.open(newline="") as lines:
        rows = [{name: cell_text(_number(text)) for name, text in row.items()} for row in csv.DictReader(lines)]
    for record in found:
        assert {name: record[name] for name in rows[0]} in rows
        assert record["side"] == "test"


def _number(text: str) -> float | str:
    return float(text) if text.lstrip("-").replace(".", "", 1).isdecimal() else text


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("missing-column.csv", b"longitude,latitude\n-122.2,37.8\n", "median_income"),
        ("empty.csv", b"", "empty"),
        ("binary.csv", bytes(range(256)) * 40, "binary"),
    ],
)
def test_a_bad_file_is_refused_with_a_reason(
    platform: Platform, tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    before = platform.executions()
    file = tmp_path / name
    file.write_bytes(content)
    run = platform.run(file)
    assert run.state == "refused"
    assert words in run.reason
    with pytest.raises(CliError, match="Nothing was trained"):
        raise_for_failure(platform.target, run)
    assert platform.executions() == before
    kept = platform.target.client("s3").get_object(
        Bucket=platform.target.output("RawBucketName"), Key=f"{MODEL}/{name}"
    )
    assert kept["Body"].read() == content
    listed = {r.run_id: r for r in list_runs(platform.target.place, model=MODEL)}
    assert (listed[run.run_id].state, listed[run.run_id].file) == ("refused", f"{MODEL}/{name}")


def test_a_file_of_too_many_bad_rows_is_refused_with_its_books(platform: Platform, rows_file: Rows) -> None:
    run = platform.run(rows_file(seed=5, rows=100, extra=("1,2",) * 30))
    assert run.state == "refused"
    books = books_of(run.counted)
    assert books is not None
    assert books.lines == (
        "130 rows read = 30 rejected + 100 usable, of which nothing was made",
        "30 rejected: field count (line 102: 2 fields, the header has 10)",
    )
    assert len(list(rejected(platform.target, run))) == 30


def test_a_version_that_is_deleted_before_it_is_read_is_refused(platform: Platform, rows_file: Rows) -> None:
    """S3 tells the job that it is gone, and not that it may not be read."""
    s3, bucket = platform.target.client("s3"), platform.target.output("RawBucketName")
    key = f"{MODEL}/deleted.csv"
    version = s3.put_object(Bucket=bucket, Key=key, Body=rows_file(seed=9).read_bytes())["VersionId"]
    s3.delete_object(Bucket=bucket, Key=key, VersionId=version)
    deadline = time.monotonic() + 60
    while not (found := [run for run in list_runs(platform.target.place, model=MODEL) if run.file == key]):
        assert time.monotonic() < deadline, "the upload became no run"
        time.sleep(0.2)
    run = platform.follow(found[0].run_id)
    assert run.state == "refused"
    assert run.reason == f"deleted.csv: the uploaded version is no longer in {bucket}; upload it again"


def test_the_same_file_twice_and_the_same_event_twice_are_one_run(platform: Platform, rows_file: Rows) -> None:
    file = rows_file(seed=2, rows=1200)
    first = platform.run(file)
    assert first.state in TRAINED, first.reason
    again = platform.upload(file)
    assert again == first.run_id
    _wait_until_queues_are_empty(platform)
    # Once for the second upload: what is counted below came from events that were read.
    assert _skipped(platform, first.run_id) == 1
    assert first.manifest is not None
    source = first.manifest["source"]
    event = _created(platform, source["bucket"], source["key"], version=source["version"])
    sqs, url = platform.target.client("sqs"), platform.target.output("UploadQueueUrl")
    for _ in range(2):
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps(event))
    _wait_until_queues_are_empty(platform)
    assert _skipped(platform, first.run_id) == 3
    assert _workflow_runs(platform, first.run_id) == 1

    manifest = f"{MODEL}/run={first.run_id}/manifest.json"
    prepared = _created(platform, platform.target.output("ProcessedBucketName"), manifest)
    executions = [_invoked(platform, "StartTraining", prepared)["execution"] for _ in range(2)]
    (only,) = _executions_of(platform, first.run_id)
    assert executions == [only, only]


def _created(platform: Platform, bucket: str, key: str, **version: str) -> dict[str, Any]:
    """The event of an object that is there, as EventBridge delivered it when it was written."""
    chosen = {"VersionId": version["version"]} if version else {}
    head = platform.target.client("s3").head_object(Bucket=bucket, Key=key, **chosen)
    described = {"key": key, "size": head["ContentLength"], "etag": head["ETag"].strip('"')}
    detail = {"version": "0", "bucket": {"name": bucket}, "object": {**described, "version-id": head["VersionId"]}}
    time_written = head["LastModified"].isoformat()
    return {"source": "aws.s3", "detail-type": "Object Created", "time": time_written, "detail": detail}


def _invoked(platform: Platform, name: str, event: dict[str, Any]) -> dict[str, Any]:
    functions = platform.target.client("lambda")
    (function,) = (f["FunctionName"] for f in functions.list_functions()["Functions"] if name in f["FunctionName"])
    answer = functions.invoke(FunctionName=function, Payload=json.dumps(event).encode())
    assert "FunctionError" not in answer, answer["Payload"].read()
    found: dict[str, Any] = json.loads(answer["Payload"].read())
    return found


def _skipped(platform: Platform, run_id: str) -> int:
    """How often start_etl was told of the run and left it alone."""
    run = RunReader(platform.target.place, model=MODEL).read(run_id)
    lines = run_lines(platform.target.place, run, functions=function_logs(platform.target))
    return sum(line.record.get("message") == "Upload skipped" for line in lines)


def _workflow_runs(platform: Platform, run_id: str) -> int:
    glue, workflow = platform.target.client("glue"), platform.target.output("WorkflowName")
    runs = glue.get_workflow_runs(Name=workflow)["Runs"]
    return sum(run["WorkflowRunProperties"]["run_id"] == run_id for run in runs)


def _executions_of(platform: Platform, run_id: str) -> list[str]:
    pipeline = platform.target.resource_name(MODEL)
    found = platform.target.client("sagemaker").list_pipeline_executions(PipelineName=pipeline)
    shown = found["PipelineExecutionSummaries"]
    return [e["PipelineExecutionArn"] for e in shown if e["PipelineExecutionDisplayName"] == f"run-{run_id}"]


def _wait_until_queues_are_empty(platform: Platform) -> None:
    sqs, url = platform.target.client("sqs"), platform.target.output("UploadQueueUrl")
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        if not any(int(count) for count in counts.values()):
            break
        time.sleep(0.1)
    time.sleep(1)  # the functions' own work after the last message


def test_the_api_names_the_instance_and_the_field_of_a_bad_request(platform: Platform, rows_file: Rows) -> None:
    run = platform.run(rows_file(seed=3, rows=6000))
    assert run.state in TRAINED, run.reason
    good = example(MODEL)
    answer = api.predict(platform.target, model=MODEL, instances=[good, {**good, "median_income": 9.0}])
    first, second = (prediction["value"] for prediction in answer["predictions"])
    assert second > first
    with pytest.raises(CliError, match=r"400.*median_income"):
        api.predict(platform.target, model=MODEL, instances=[{**good, "median_income": -1}])


def test_no_log_holds_a_key(platform: Platform, rows_file: Rows) -> None:
    """After a run and a prediction: neither the functions' and jobs' logs nor the local cloud's own."""
    run = platform.run(rows_file(seed=77))
    assert run.state in TRAINED, run.reason
    api.predict(platform.target, model=MODEL, instances=[example(MODEL)])
    logs = platform.target.client("logs")
    groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    messages = [
        event["message"]
        for group in groups
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        for event in page["events"]
    ]
    text = "\n".join([*messages, platform.here.cloud.log_file.read_text()])
    assert run.run_id in text
    assert secrets(text) == []
    assert platform.target.page_key not in text
