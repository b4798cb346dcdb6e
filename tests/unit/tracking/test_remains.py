"""What is left of a version after somebody deleted something."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tracking.remains import RECORDS, lost_records, way_back

FOLDER = "california_housing/abc/evaluation"
METADATA = {"run_id": "0123456789abcdef", "contract_uri": f"s3://artifact/{FOLDER}/contract.json"}


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="artifact")
        for name in RECORDS:
            client.put_object(Bucket="artifact", Key=f"{FOLDER}/{name}", Body=b"{}")
        yield client


def test_what_was_deleted_is_named(s3: Any) -> None:
    assert lost_records(s3, METADATA) == ()
    for name in ("golden.json", "report.html"):
        s3.delete_object(Bucket="artifact", Key=f"{FOLDER}/{name}")
    assert lost_records(s3, METADATA) == ("golden.json", "report.html")


def test_a_version_that_never_had_them_lost_none(s3: Any) -> None:
    assert lost_records(s3, {"run_id": "r", "evaluation_uri": "s3://artifact/elsewhere/evaluation.json"}) == ()


def test_the_way_back_is_a_command() -> None:
    assert way_back("0123456789abcdef") == "mlops retry 0123456789abcdef --fresh"
