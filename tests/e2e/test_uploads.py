"""What the deployed application does with good, bad and repeated uploads."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cli import api
from cli.errors import CliError
from cli.follow import raise_for_failure
from cli.rows import raw_table, rejected
from cli.tables import cell_text
from contract.books import books_of
from tests.e2e.conftest import MODEL, Platform
from tests.records import example
from tests.secret_guard import secrets
from tracking.runs import list_runs

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


def test_the_same_file_twice_and_the_same_event_twice_are_one_run(platform: Platform, rows_file: Rows) -> None:
    file = rows_file(seed=2, rows=1200)
    first = platform.run(file)
    again = platform.upload(file)
    manifest = _manifest_event(platform, first.run_id)
    platform.target.client("events").put_events(Entries=[manifest])
    assert again == first.run_id
    _wait_until_queues_are_empty(platform)
    assert platform.executions().count(f"run-{first.run_id}") == 1
    glue, workflow = platform.target.client("glue"), platform.target.output("WorkflowName")
    started = [
        run
        for run in glue.get_workflow_runs(Name=workflow)["Runs"]
        if run["WorkflowRunProperties"]["run_id"] == first.run_id
    ]
    assert len(started) == 1


def _manifest_event(platform: Platform, run_id: str) -> dict[str, str]:
    bucket, key = platform.target.output("ProcessedBucketName"), f"{MODEL}/run={run_id}/manifest.json"
    head = platform.target.client("s3").head_object(Bucket=bucket, Key=key)
    detail = {
        "version": "0",
        "bucket": {"name": bucket},
        "object": {
            "key": key,
            "size": head["ContentLength"],
            "etag": head["ETag"].strip('"'),
            "version-id": head["VersionId"],
        },
    }
    return {"Source": "aws.s3", "DetailType": "Object Created", "Detail": json.dumps(detail)}


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
