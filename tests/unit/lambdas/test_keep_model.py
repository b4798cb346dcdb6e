"""keep_model: what was evaluated is kept under its digest, once; anything else is refused with both digests."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from moto import mock_aws

from tests.unit.lambdas.loading import load_function

MODEL, RUN = "california_housing", "0123456789abcdef"
TRAINED = f"{MODEL}/trained/pipelines-abc-Train-1/output/model.tar.gz"
BODY = b"trees" * 1000
SHA256 = hashlib.sha256(BODY).hexdigest()
KEPT = f"{MODEL}/models/{SHA256}/model.tar.gz"


@pytest.fixture
def function() -> Iterator[SimpleNamespace]:
    with mock_aws():
        loaded = load_function("keep_model", {"ARTIFACT_BUCKET": "artifact"})
        s3, place = loaded.handler.s3, {"LocationConstraint": "eu-west-1"}
        s3.create_bucket(Bucket="artifact", CreateBucketConfiguration=place)
        s3.put_bucket_versioning(Bucket="artifact", VersioningConfiguration={"Status": "Enabled"})
        s3.put_object(Bucket="artifact", Key=TRAINED, Body=BODY)
        yield loaded


def keep(function: SimpleNamespace, sha256: str = SHA256) -> dict[str, str]:
    event = {"model": MODEL, "run_id": RUN, "artifact": f"s3://artifact/{TRAINED}", "sha256": sha256}
    answer: dict[str, str] = function.handler.handler(event, None)
    return answer


def versions(function: SimpleNamespace) -> list[str]:
    listed = function.handler.s3.list_object_versions(Bucket="artifact", Prefix=KEPT)
    return [item["VersionId"] for item in listed.get("Versions", [])]


def test_the_artifact_is_kept_under_its_digest(function: SimpleNamespace) -> None:
    answer = keep(function)
    assert answer["artifact"] == f"s3://artifact/{KEPT}"
    kept = function.handler.s3.get_object(Bucket="artifact", Key=KEPT, VersionId=answer["artifact_version"])
    assert kept["Body"].read() == BODY


def test_it_is_written_once_however_often_the_step_runs(function: SimpleNamespace) -> None:
    assert keep(function) == keep(function)
    assert len(versions(function)) == 1


def test_an_archive_that_was_exchanged_after_its_evaluation_is_refused(function: SimpleNamespace) -> None:
    function.handler.s3.put_object(Bucket="artifact", Key=TRAINED, Body=b"exchanged")
    found = hashlib.sha256(b"exchanged").hexdigest()
    with pytest.raises(Exception, match=f"SHA-256 is {found}, evaluated was {SHA256}") as refused:
        keep(function)
    assert type(refused.value).__name__ == "ChangedArtifactError"
    assert versions(function) == []


def test_other_bytes_in_its_place_are_refused(function: SimpleNamespace) -> None:
    function.handler.s3.put_object(Bucket="artifact", Key=KEPT, Body=b"planted")
    with pytest.raises(Exception, match=f"SHA-256 is {hashlib.sha256(b'planted').hexdigest()}, and not that of its"):
        keep(function)
