"""finish_batch: the end of a transform is recorded with counts and reasons, or with what went wrong."""

from __future__ import annotations

import gzip
import importlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import ANY, Stubber
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from contract import FileRefusal
from tests.unit.lambdas.loading import ROOT, load_function

FOLDER = "california_housing/batch/0123456789a"
TOPIC = "arn:aws:sns:eu-west-1:111122223333:alerts"
START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
REQUEST = {
    "version": 1,
    "id": "0123456789a",
    "model": "california_housing",
    "key": "batch/x.csv",
    "model_version": 7,
    "contract_hash": "c" * 64,
    "columns": ["id", "a"],
}
OUTPUT = b"id,a,prediction,prediction_error\n1,2,3.5,\n2,x,,\"a must be a number, is 'x'\"\n3,4,5.5,\n"


@pytest.fixture
def function() -> Iterator[SimpleNamespace]:
    environment = {"ARTIFACT_BUCKET": "artifact", "STAGE": "dev", "ALERTS_TOPIC_ARN": TOPIC}
    with mock_aws():
        function = load_function("finish_batch", environment)
        location = {"LocationConstraint": "eu-west-1"}
        function.handler.s3.create_bucket(Bucket="artifact", CreateBucketConfiguration=location)
        keep(function, "request.json", json.dumps(REQUEST).encode())
        keep(function, "input/rows.csv", b"copy")
        yield function


@pytest.fixture
def sns(function: SimpleNamespace) -> Iterator[Stubber]:
    with Stubber(function.handler.sns) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def keep(function: SimpleNamespace, name: str, body: bytes) -> None:
    function.handler.s3.put_object(Bucket="artifact", Key=f"{FOLDER}/{name}", Body=body)


def kept(function: SimpleNamespace) -> set[str]:
    return {
        item["Key"].removeprefix(f"{FOLDER}/")
        for item in function.handler.s3.list_objects_v2(Bucket="artifact")["Contents"]
    }


def finish(function: SimpleNamespace, status: str, *, path: str = f"s3://artifact/{FOLDER}/output", **more: Any) -> Any:
    job = {
        "TransformJobName": "job",
        "TransformJobArn": "arn:aws:sagemaker:eu-west-1:111122223333:transform-job/job",
        "TransformJobStatus": status,
        "ModelName": "m",
        "TransformInput": {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://a"}}},
        "TransformOutput": {"S3OutputPath": path},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        "CreationTime": START,
        "TransformStartTime": START,
        "TransformEndTime": START + timedelta(seconds=61.25),
        **more,
    }
    with Stubber(function.handler.sagemaker) as sagemaker:
        sagemaker.add_response("describe_transform_job", job, {"TransformJobName": "job"})
        return function.handler.handler({"detail": {"TransformJobName": "job", "TransformJobStatus": status}}, None)


def result(function: SimpleNamespace) -> dict[str, Any]:
    return json.loads(function.handler.s3.get_object(Bucket="artifact", Key=f"{FOLDER}/result.json")["Body"].read())


def test_a_finished_batch_is_counted(function: SimpleNamespace) -> None:
    keep(function, "output/rows.csv.out", OUTPUT)
    assert finish(function, "Completed") == {"state": "done"}
    assert result(function) == {
        **REQUEST,
        "state": "done",
        "reason": "2 of 3 rows predicted by version 7.",
        "rows": 3,
        "bad_rows": 1,
        "errors": [{"line": 3, "reason": "a must be a number, is 'x'"}],
        "reasons": [{"count": 1, "line": 3, "reason": "a must be a number, is 'x'"}],
        "seconds": 61.2,
        "predictions": f"s3://artifact/{FOLDER}/output/rows.csv.out",
        "ended_at": "2026-01-02T03:05:06+00:00",
    }
    assert kept(function) == {"request.json", "output/rows.csv.out", "result.json"}


@pytest.mark.parametrize(
    ("status", "more", "state", "reason"),
    [
        ("Failed", {"FailureReason": "ClientError: no access"}, "failed", "ClientError: no access"),
        ("Stopped", {}, "stopped", "Somebody stopped the transform job."),
    ],
)
def test_a_batch_without_predictions_is_recorded_and_told(
    function: SimpleNamespace, sns: Stubber, status: str, more: dict[str, str], state: str, reason: str
) -> None:
    request = {"TopicArn": TOPIC, "Subject": f"Batch of california_housing {state}", "Message": ANY}
    sns.add_response("publish", {"MessageId": "1"}, request)
    finish(function, status, **more)
    found = result(function)
    assert (found["state"], found["reason"], found["model_version"]) == (state, reason, 7)
    assert "input/rows.csv" not in kept(function)


@pytest.mark.parametrize("output", [b"", b'{"predictions": [{"value": 1.5}]}\n'])
def test_answers_of_a_model_that_knows_no_batches_are_no_predictions(
    function: SimpleNamespace, sns: Stubber, output: bytes
) -> None:
    """A version that was trained before there were batches answers in JSON."""
    keep(function, "output/rows.csv.out", output)
    request = {"TopicArn": TOPIC, "Subject": "Batch of california_housing failed", "Message": ANY}
    sns.add_response("publish", {"MessageId": "1"}, request)
    assert finish(function, "Completed") == {"state": "failed"}
    assert result(function)["reason"].startswith("The model does not answer as a batch")


@pytest.mark.parametrize("reads", [True, False])
def test_a_file_that_only_the_version_could_open_is_refused_with_its_reason(
    function: SimpleNamespace, sns: Stubber, reads: bool
) -> None:
    """As a CSV file is before a job: with the version and the columns, and what the deployed contract makes of it."""
    deployed = function.handler.bundled()["california_housing"]
    names = [field.column for field in deployed.rules_to_predict.fields] if reads else ["people"]
    refusal = FileRefusal("the schema lacks tenure; add what is missing", tuple(names))
    keep(function, "request.json", json.dumps({**REQUEST, "key": "batch/a/new.parquet", "columns": None}).encode())
    keep(function, "output/rows.csv.out", refusal.text.encode())
    request = {"TopicArn": TOPIC, "Subject": "Batch of california_housing refused", "Message": ANY}
    sns.add_response("publish", {"MessageId": "1"}, request)
    assert finish(function, "Completed") == {"state": "refused"}
    told = result(function)["reason"]
    assert told.startswith(
        "new.parquet: version 7 of california_housing, which would predict it, reads other columns: the schema lacks "
        "tenure; add what is missing"
    )
    assert ("The contract that is deployed reads it" in told) is reads
    assert result(function)["contract_hash"] == "c" * 64


def test_a_table_that_cannot_be_read_is_no_matter_of_the_version(function: SimpleNamespace, sns: Stubber) -> None:
    keep(function, "output/rows.csv.out", FileRefusal("a Parquet file that cannot be read (x)").text.encode())
    sns.add_response("publish", {"MessageId": "1"})
    finish(function, "Completed")
    assert (result(function)["state"], result(function)["reason"]) == (
        "refused",
        "x.csv: a Parquet file that cannot be read (x)",
    )


def test_other_transform_jobs_are_left_alone(function: SimpleNamespace) -> None:
    assert finish(function, "Completed", path="s3://artifact/california_housing/mine") == {"state": None}
    assert kept(function) == {"request.json", "input/rows.csv"}


def test_predictions_that_are_not_there_are_an_error(function: SimpleNamespace) -> None:
    with pytest.raises(ClientError, match="NoSuchKey"):
        finish(function, "Completed")


def test_only_the_first_bad_rows_are_shown(function: SimpleNamespace) -> None:
    tally = function.logic.tally_of([b"a,prediction_error", *[b'1,"no"'] * 25, b"", b"a,prediction_error", b"1,"])
    assert (tally.rows, tally.bad_rows, len(tally.errors)) == (26, 25, 10)
    assert tally.errors[0] == {"line": 2, "reason": "no"}


REASONS = [
    "age is missing",
    "age must be a number, is 'x, is 3'",
    "age must be a number, is 'y'; town is 'Z'; known are 'A' and 'B'",
    "town is 'Z'; known are 'A' and 'B'",
    "town is '9'; known are 'A' and 'B'",
    "age must be at least 1, is -3",
    "age must be at least 1, is 0.5",
    "age must be at least 1, is 0",
    "3 fields, the header has 9",
    "12 fields, the header has 9",
]


def test_the_most_frequent_reasons_are_told_with_the_first_row_that_has_them(function: SimpleNamespace) -> None:
    lines = [b"a,prediction_error", b"1,", *(f'1,"{reason}"'.encode() for reason in REASONS)]
    tally = function.logic.tally_of(lines)
    assert tally.reasons == (
        {"count": 3, "line": 8, "reason": REASONS[5]},
        {"count": 2, "line": 4, "reason": REASONS[1]},
        {"count": 2, "line": 6, "reason": REASONS[3]},
    )


def test_a_row_over_several_lines_is_one(function: SimpleNamespace) -> None:
    text = b'a;n;prediction;prediction_error\n1;"x\ny";2,5;\n2;"x\n""\n\n";;"a is \'\xc3\xa9\'"\n3;;1;\n'
    tally = function.logic.tally_of(function.logic.records_of(text.split(b"\n")), delimiter=";")
    assert (tally.rows, tally.bad_rows) == (3, 1)
    assert tally.errors == ({"line": 3, "reason": "a is 'é'"},)


@given(rows=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3)), max_size=30), asked=st.sets(st.integers(1, 30)))
def test_lines_are_those_of_the_uploaded_file(
    logic: Any, rewriting: Any, rows: list[tuple[int, int]], asked: set[int]
) -> None:
    """`rows`: blank lines before a row, and how many lines it takes."""
    noted, lines, line = rewriting.Renumbering(), {}, 2
    for number, (blank, height) in enumerate(rows, start=1):
        line += blank
        noted.note(number, line)
        lines[number] = line
        line += height
    places = logic.Places(gzip.decompress(noted.packed()).splitlines())
    wanted = sorted(asked & lines.keys())
    assert [places.line_of(row) for row in wanted] == [lines[row] for row in wanted]
    assert noted.empty == all(lines[row] == row + 1 for row in lines)


def test_reasons_name_the_line_of_the_uploaded_file(function: SimpleNamespace) -> None:
    keep(function, "request.json", json.dumps({**REQUEST, "renumbered": True, "format": {"delimiter": ","}}).encode())
    keep(function, "input/lines.gz", gzip.compress(b"2 10\n", mtime=0))
    keep(function, "output/rows.csv.out", OUTPUT)
    finish(function, "Completed")
    assert result(function)["errors"] == [{"line": 13, "reason": "a must be a number, is 'x'"}]
    assert kept(function) == {"request.json", "output/rows.csv.out", "result.json"}


@pytest.fixture(scope="module")
def logic() -> Any:
    return load_function("finish_batch", dict.fromkeys(("ARTIFACT_BUCKET", "STAGE", "ALERTS_TOPIC_ARN"), "x")).logic


@pytest.fixture(scope="module")
def rewriting() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "assets" / "lambda"))
        return importlib.import_module("start_batch.rewriting")


@given(content=st.binary(max_size=60), cuts=st.lists(st.integers(0, 60)))
def test_lines_do_not_depend_on_how_a_file_is_cut(logic: Any, content: bytes, cuts: list[int]) -> None:
    chunks = [content[start:end] for start, end in pairwise(sorted({0, *cuts, 60}))]
    assert list(logic.lines_of(chunks)) == content.split(b"\n")


def test_rows_of_a_parquet_file_are_numbered(function: SimpleNamespace) -> None:
    keep(function, "request.json", json.dumps({**REQUEST, "columns": None, "format": {}}).encode())
    keep(function, "output/rows.csv.out", OUTPUT)
    finish(function, "Completed")
    assert [error["line"] for error in result(function)["errors"]] == [2]
