"""A file of rows to predict on the deployed application: good, bad and repeated; with and without what it needs."""

from __future__ import annotations

import csv
import gzip
import io
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cli import api, batches
from cli.batch import run
from cli.breast_cancer_data import write_breast_cancer
from cli.errors import CliError
from contract import batch_folder, batch_id
from tests.e2e.conftest import MODEL, QUIET, Platform
from tests.e2e.handled import said, wait_until_empty, wait_until_said
from tests.e2e.test_grants import Grant, without

Rows = Callable[..., Path]
# What start_batch says of an event that it has seen before.
STARTED = "Batch is started already"
HEADER = (
    "id,ocean_proximity,median_income,households,population,total_bedrooms,total_rooms,housing_median_age,latitude,"
    "longitude"
)


@pytest.fixture(scope="module")
def live(platform: Platform, housing: Path, tmp_path_factory: pytest.TempPathFactory) -> int:
    """The version that answers."""
    header, *rows = housing.read_text().splitlines()
    file = tmp_path_factory.mktemp("batch") / "train.csv"
    file.write_text("\n".join([header, *rows[:6000]]) + "\n")
    trained = platform.run(file)
    assert trained.state == "live", trained.reason
    assert trained.model_version is not None
    return trained.model_version


def predicted(platform: Platform, file: Path, model: str = MODEL) -> tuple[Mapping[str, Any], list[dict[str, str]]]:
    """The result and the rows of the predictions."""
    to = file.with_suffix(".out")
    result = run(platform.target, model=model, file=file, to=to, console=QUIET, alive=platform.here.cloud.check)
    with to.open(newline="") as opened:
        return result, list(csv.DictReader(opened, strict=True))


def test_without_an_approved_version_a_file_is_refused(platform: Platform, tmp_path: Path) -> None:
    file = tmp_path / "patients.csv"
    write_breast_cancer(file, rows=20)
    with pytest.raises(CliError, match=r"refused\. patients\.csv: no version of breast_cancer is approved; train"):
        predicted(platform, file, "breast_cancer")


def test_a_version_that_is_deleted_before_it_is_read_is_refused(platform: Platform, live: int) -> None:
    s3, bucket = platform.target.client("s3"), platform.target.output("RawBucketName")
    key = f"batch/{MODEL}/deleted.csv"
    version = s3.put_object(Bucket=bucket, Key=key, Body=HEADER.encode())["VersionId"]
    s3.delete_object(Bucket=bucket, Key=key, VersionId=version)
    place = {
        "Bucket": platform.target.output("ArtifactBucketName"),
        "Key": f"{batch_folder(MODEL, batch_id(MODEL, key, version))}/result.json",
    }
    s3.get_waiter("object_exists").wait(**place, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    result = json.loads(s3.get_object(**place)["Body"].read())
    assert result["state"] == "refused"
    assert result["reason"] == "deleted.csv: the uploaded version is no longer there; upload the file again"


def test_every_row_comes_back_with_the_value_of_the_api_or_its_reason(
    platform: Platform, live: int, tmp_path: Path
) -> None:
    """Columns in another order, one that is no feature, bad rows in between, and a quoted comma."""
    rows = [
        ("1", "NEAR BAY", "8.3252", "126", "322", "129", "880", "41", "37.88", "-122.23"),
        ("2", "NEAR BAY", "8.3252", "126", "-322", "129", "880", "41", "37.88", "-122.23"),
        ('"3, ""x"""', "INLAND", "2.5", "400", "1200", "", "2100", "29", "36.0", "-119.5"),
        ("4", "MOON", "high", "400", "1200", "", "2100", "29", "36.0", "-119.5"),
        ("5", "INLAND"),
        ("6", "INLAND", "2.5", "400", "1200", "435", "2100", "29", "36.0", "-119.5"),
    ]
    file = tmp_path / "rows to predict (1).csv"
    file.write_text("\n".join([HEADER, *(",".join(row) for row in rows)]) + "\n")
    result, found = predicted(platform, file)
    assert [row["id"] for row in found] == ["1", "2", '3, "x"', "4", "5,INLAND", "6"]
    reasons = [row["prediction_error"] for row in found]
    assert reasons == [
        "",
        "population must be at least 1, is -322",
        "",
        "median_income must be a number, is 'high'; ocean_proximity is 'MOON'; known are '<1H OCEAN', 'INLAND', "
        "'ISLAND', 'NEAR BAY' and 'NEAR OCEAN'",
        "2 fields, the header has 10",
        "",
    ]
    asked = [record(row) for row in found if not row["prediction_error"]]
    answer = api.predict(platform.target, model=MODEL, instances=asked)
    values = [float(row["prediction"]) for row in found if row["prediction"]]
    assert values == [item["value"] for item in answer["predictions"]]
    assert {key: result[key] for key in ("state", "model_version", "rows", "bad_rows", "key")} == {
        "state": "done",
        "model_version": live,
        "rows": 6,
        "bad_rows": 3,
        "key": f"batch/{MODEL}/rows to predict (1).csv",
    }
    assert [error["line"] for error in result["errors"]] == [3, 5, 6]
    assert result["errors"][0]["reason"] == reasons[1]
    left = platform.target.client("s3").list_objects_v2(
        Bucket=platform.target.output("ArtifactBucketName"), Prefix=f"{MODEL}/batch/{result['id']}/"
    )
    names = {item["Key"].rpartition(f"{result['id']}/")[2] for item in left["Contents"]}
    assert names == {"request.json", "output/rows.csv.out", "result.json"}


def record(row: Mapping[str, str]) -> dict[str, Any]:
    """As a client of the REST API sends it."""
    features = {name: text for name, text in row.items() if name in HEADER.split(",")[1:]}
    return {
        name: text if name == "ocean_proximity" else (float(text) if text else None) for name, text in features.items()
    }


ROW = ("1", "NEAR BAY", "8.3252", "126", "322", "129", "880", "41", "37.88", "-122.23")


def test_a_file_is_read_however_it_is_written(platform: Platform, live: int, tmp_path: Path) -> None:
    """Packed, with a byte order mark, semicolons, decimal commas, a comment, blank rows and a quoted line break."""
    bad = ("2", "NEAR BAY", "8.3252", "126", "-322", *ROW[5:])
    lines = ["sep=;", HEADER, "# made by hand", '"a\nb",' + ",".join(ROW[1:]), "", ",".join(bad), ",,,,,,,,,"]
    text = "\r\n".join(lines).replace(",", ";").replace(".", ",")
    file = tmp_path / "100%20 caf\u00e9+[x]#.csv.gz"
    file.write_bytes(gzip.compress(text.encode("utf-8-sig"), mtime=0))
    to = tmp_path / "out.csv"
    result = run(platform.target, model=MODEL, file=file, to=to, console=QUIET, alive=platform.here.cloud.check)
    with to.open(newline="", encoding="utf-8") as opened:
        good, wrong = csv.DictReader(opened, delimiter=";", strict=True)
    (asked,) = api.predict(
        platform.target, model=MODEL, instances=[record(dict(zip(HEADER.split(","), ROW, strict=True)))]
    )["predictions"]
    assert (good["id"], float(good["prediction"].replace(",", "."))) == ("a\nb", asked["value"])
    assert wrong["prediction_error"] == "population must be at least 1, is -322"
    assert result["reasons"] == [{"count": 1, "line": 7, "reason": "population must be at least 1, is -322"}]
    assert (result["key"], result["rows"]) == (f"batch/{MODEL}/{file.name}", 2)


def test_a_parquet_file_comes_back_as_csv(platform: Platform, live: int, tmp_path: Path) -> None:
    names = HEADER.split(",")
    rows = [dict(zip(names, ROW, strict=True)) for _ in range(2)]
    rows[1]["ocean_proximity"] = "MOON"
    typed = [
        {name: text if name in ("id", "ocean_proximity") else float(text) for name, text in row.items()} for row in rows
    ]
    file = tmp_path / "rows.parquet"
    pq.write_table(pa.Table.from_pylist(typed), file)
    result, (good, bad) = predicted(platform, file)
    (asked,) = api.predict(platform.target, model=MODEL, instances=[record(rows[0])])["predictions"]
    assert float(good["prediction"]) == asked["value"]
    assert bad["prediction_error"].startswith("ocean_proximity is 'MOON'; known are ")
    assert (result["rows"], result["bad_rows"], result["errors"][0]["line"]) == (2, 1, 2)


def parquet_of(columns: dict[str, list[float]]) -> bytes:
    body = io.BytesIO()
    pq.write_table(pa.table(columns), body)
    return body.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("column.csv", HEADER.replace("population,", "people,").encode() + b"\n1,2\n", "lacks population; .*people"),
        ("empty.csv", b"", "the file is empty"),
        ("header.csv", HEADER.encode() + b"\n", "a header and no row below it"),
        (
            "column.parquet",
            parquet_of({"people": [3.0]}),
            r"version \d+ of .*, reads other columns: the schema names none",
        ),
        ("table.xlsx", b"PK\x03\x04 and so on", "not a CSV file but a zip archive or a spreadsheet"),
    ],
)
def test_a_file_that_cannot_be_predicted_is_refused(
    platform: Platform, tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(CliError, match=rf"The file was refused\. {name}: .*{words}"):
        predicted(platform, file)


def test_the_same_file_again_is_another_batch_and_its_event_again_is_none(
    platform: Platform, live: int, rows_file: Rows
) -> None:
    file = rows_file(seed=401, rows=50)
    first, rows = predicted(platform, file)
    second, again = predicted(platform, file)
    assert first["id"] != second["id"]
    assert rows == again
    assert len({row["prediction"] for row in rows}) > 25
    assert jobs(platform, first["job"]) == 1
    sqs = platform.target.client("sqs")
    (queue,) = sqs.list_queues(QueueNamePrefix="mlops-dev-batch-BatchQueue")["QueueUrls"]
    item = {"key": first["key"], "version-id": first["version_id"], "size": first["size"]}
    event = {"detail": {"bucket": {"name": first["bucket"]}, "object": item}}
    before = said(platform, "StartBatch", STARTED)
    sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(event))
    wait_until_said(platform, "StartBatch", STARTED, before)
    wait_until_empty(platform, "batch-BatchQueue")
    assert jobs(platform, first["job"]) == 1


def jobs(platform: Platform, name: str) -> int:
    return len(platform.target.client("sagemaker").list_transform_jobs(NameContains=name)["TransformJobSummaries"])


def test_a_file_for_an_unknown_model_starts_nothing(platform: Platform) -> None:
    """Nor does it become training data of anything."""
    before = jobs(platform, "mlops-dev")
    s3, bucket = platform.target.client("s3"), platform.target.output("RawBucketName")
    s3.put_object(Bucket=bucket, Key="batch/unknown/rows.csv", Body=b"a\n1\n")
    logs = platform.target.client("logs")
    (group,) = [
        item["logGroupName"] for item in logs.describe_log_groups()["logGroups"] if "StartBatch" in item["logGroupName"]
    ]
    deadline = time.monotonic() + 20
    said = ""
    while "there is no model unknown" not in said and time.monotonic() < deadline:
        said = "\n".join(e["message"] for e in logs.filter_log_events(logGroupName=group)["events"])
        time.sleep(0.2)
    assert "there is no model unknown; upload below batch/<model>/ (breast_cancer, california_housing)" in said
    assert jobs(platform, "mlops-dev") == before


@pytest.mark.parametrize(
    "grant",
    [
        Grant("BatchModelRoleCaliforniaHousing", "s3:PutObject", "/output/"),
        Grant("BatchModelRoleCaliforniaHousing", "s3:ListBucket", "artifact"),
        Grant("StartBatchRole", "sagemaker:CreateTransformJob", "transform-job/"),
        Grant("StartBatchRole", "s3:GetObjectVersion", "raw"),
    ],
    ids=lambda g: f"{g.role}-{g.action}",
)
def test_a_missing_grant_is_named(platform: Platform, live: int, rows_file: Rows, grant: Grant) -> None:
    with without(platform, grant) as role, pytest.raises(CliError) as failed:
        predicted(platform, rows_file(seed=402, rows=5))
    assert failed.value.message.startswith("The batch failed: ")
    assert role in failed.value.message
    assert grant.action in failed.value.message
    assert grant.resource in failed.value.message


def test_progress_is_read_from_the_jobs_log(platform: Platform, live: int, rows_file: Rows) -> None:
    result, _ = predicted(platform, rows_file(seed=403, rows=30))
    assert batches.lines_read(platform.target, result["job"]) == 31
    assert batches.lines_read(platform.target, "no-such-job") == 0


def test_every_grant_was_needed(platform: Platform) -> None:
    """By the tests above, but for what only AWS asks for; those of the model that they predict with."""
    idle = {
        (item["role"].removeprefix("mlops-dev-batch-").partition("Role")[0], item["action"])
        for item in platform.here.cloud.unused()["actions"]
        if item["role"].startswith("mlops-dev-batch-") and "BreastCancer" not in item["role"]
    }
    assert idle == {
        ("BatchModel", "logs:DescribeLogStreams"),
        ("BatchModel", "cloudwatch:PutMetricData"),
        ("StartBatch", "sqs:GetQueueUrl"),
        ("StartBatch", "sqs:ChangeMessageVisibility"),
        # Only where a large file cannot be read to its end.
        ("StartBatch", "s3:AbortMultipartUpload"),
    }
