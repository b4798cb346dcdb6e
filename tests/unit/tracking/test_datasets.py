"""The rejected rows of a run, in the order of the file, whatever wrote them."""

from __future__ import annotations

import json
from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from tracking.datasets import Reject, raw_keys, raw_splits, rejects
from tracking.place import Place

BUCKET, MODEL = "processed", "churn"


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket=BUCKET)
        yield Place(
            client=lambda _: s3, prefix="mlops-dev-", processed_bucket=BUCKET, workflow="w", artifact_bucket="artifact"
        )


def put(place: Place, name: str, *found: tuple[int, str]) -> None:
    lines = [json.dumps({"line": line, "reason": f"reason {line}", "row": row}) for line, row in found]
    key = f"{MODEL}/run=r1/rejects/{name}"
    place.client("s3").put_object(Bucket=BUCKET, Key=key, Body=("\n".join(lines) + "\n").encode())


def test_parts_are_read_in_order_and_markers_are_none(place: Place) -> None:
    put(place, "part-00001-x.json", (40, "d"))
    put(place, "part-00000-x.json", (2, "a"), (7, 'b "quoted"\nsecond line\r\u2028'), (9, "c"))
    place.client("s3").put_object(Bucket=BUCKET, Key=f"{MODEL}/run=r1/rejects/_SUCCESS", Body=b"")
    place.client("s3").put_object(Bucket=BUCKET, Key=f"{MODEL}/run=r11/rejects/part-0.json", Body=b"other run")
    found = list(rejects(place, model=MODEL, run_id="r1"))
    assert [reject.line for reject in found] == [2, 7, 9, 40]
    assert found[1] == Reject(7, "reason 7", 'b "quoted"\nsecond line\r\u2028')
    assert [reject.line for reject in rejects(place, model=MODEL, run_id="r1", after=7)] == [9, 40]


def test_a_row_of_many_pieces_is_one(place: Place) -> None:
    put(place, "part-00000.json", *((number, "x" * 70_000) for number in range(2, 8)))
    assert [len(reject.row) for reject in rejects(place, model=MODEL, run_id="r1")] == [70_000] * 6


def test_bytes_that_are_no_text_can_be_written(place: Place) -> None:
    put(place, "part-00000.json", (2, "caf\udce9"))
    (found,) = rejects(place, model=MODEL, run_id="r1")
    assert found.row.encode() == b"caf\\udce9"


def test_a_run_without_rejects_has_none(place: Place) -> None:
    assert list(rejects(place, model=MODEL, run_id="r2")) == []


def test_sides_are_those_whose_rows_are_kept() -> None:
    manifest = {"files": {"train": ["t"], "test": ["u"], "raw_test": ["r1", "r2"], "raw_train": []}}
    assert raw_splits(manifest) == ("test",)
    assert raw_keys(manifest, "test") == ("r1", "r2")
    assert raw_keys(manifest, "train") == raw_keys(manifest, "validation") == ()
