"""Whether the bytes of a version are those that were registered, against moto."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tracking.artifacts import Artifact, ChangedArtifactError, artifact_of, check, digest_of

KEY = "churn/models/d/model.tar.gz"
URI = f"s3://artifact/{KEY}"


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="artifact")
        client.put_bucket_versioning(Bucket="artifact", VersioningConfiguration={"Status": "Enabled"})
        yield client


def registered(s3: Any, body: bytes = b"approved") -> Artifact:
    version = s3.put_object(Bucket="artifact", Key=KEY, Body=body)["VersionId"]
    return Artifact(URI, sha256(body), version)


def test_the_version_that_was_registered_is_not_read_again(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    artifact = registered(s3)
    monkeypatch.setattr("tracking.artifacts.digest_of", lambda *_, **__: pytest.fail("read"))
    check(s3, artifact)


def test_other_bytes_are_told_with_both_digests(s3: Any) -> None:
    artifact = registered(s3)
    s3.put_object(Bucket="artifact", Key=KEY, Body=b"exchanged")
    with pytest.raises(ChangedArtifactError) as changed:
        check(s3, artifact)
    found, wanted = sha256(b"exchanged"), sha256(b"approved")
    assert str(changed.value) == (f"Its artifact {URI} was exchanged: its SHA-256 is {found}, registered was {wanted}.")
    assert s3.get_object(**artifact.pinned)["Body"].read() == b"approved"


def test_the_same_bytes_written_again_are_the_same(s3: Any) -> None:
    artifact = registered(s3)
    s3.put_object(Bucket="artifact", Key=KEY, Body=b"approved")
    check(s3, artifact)


def test_an_artifact_that_is_gone_is_an_error_of_s3(s3: Any) -> None:
    artifact = registered(s3)
    s3.delete_object(Bucket="artifact", Key=KEY)
    with pytest.raises(ClientError, match="404"):
        check(s3, artifact)


def test_a_version_that_was_registered_without_a_digest_is_left_alone(s3: Any) -> None:
    check(s3, Artifact(URI))
    assert Artifact(URI).pinned == {"Bucket": "artifact", "Key": KEY}


def test_a_package_names_its_artifact() -> None:
    package = {"InferenceSpecification": {"Containers": [{"ModelDataUrl": URI}]}}
    assert artifact_of(package) == Artifact(URI)
    package["CustomerMetadataProperties"] = {"artifact_sha256": "d", "artifact_version": "v"}  # type: ignore[assignment]
    assert artifact_of(package) == Artifact(URI, "d", "v")


def test_a_digest_is_taken_on_the_way_to_a_file(s3: Any) -> None:
    body = bytes(range(256)) * 9000
    s3.put_object(Bucket="artifact", Key=KEY, Body=body)
    copy = io.BytesIO()
    assert digest_of(s3, {"Bucket": "artifact", "Key": KEY}, to=copy) == sha256(body)
    assert copy.getvalue() == body
