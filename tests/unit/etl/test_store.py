"""S3Store against moto."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from etl.run import Refused, Source
from etl.store import S3Store


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        for bucket in ("raw", "processed"):
            client.create_bucket(Bucket=bucket)
        client.put_bucket_versioning(Bucket="raw", VersioningConfiguration={"Status": "Enabled"})
        yield client


@pytest.fixture
def store(client: Any) -> S3Store:
    return S3Store(client, bucket="processed")


def uploaded(client: Any, *bodies: bytes, key: str = f"flats/a b%20+?#,[1]é😀{'x' * 900}.csv") -> list[Source]:
    """One version a body."""
    answers = [client.put_object(Bucket="raw", Key=key, Body=body) for body in bodies]
    return [
        Source(bucket="raw", key=key, version=answer["VersionId"], etag="", size=len(body))
        for answer, body in zip(answers, bodies, strict=True)
    ]


def test_the_version_of_the_run_is_read_when_it_is_no_longer_the_latest(
    client: Any, store: S3Store, tmp_path: Path
) -> None:
    first, latest = uploaded(client, b"first body", b"latest")
    assert (store.head(first, 5), store.head(latest, 100)) == (b"first", b"latest")
    store.download(first, tmp_path / "f.csv")
    assert (tmp_path / "f.csv").read_bytes() == b"first body"


@pytest.mark.parametrize("size", [0, 1, 4, 5, 8, 9])
def test_a_file_comes_in_pieces(client: Any, store: S3Store, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr("etl.store.PIECE_BYTES", 4)
    body = b"123456789"[:size]
    pieces = list(store.pieces(uploaded(client, body)[0]))
    assert b"".join(pieces) == body
    assert all(len(piece) == 4 for piece in pieces[:-1])


def test_an_empty_object_has_an_empty_head(client: Any, store: S3Store) -> None:
    assert store.head(uploaded(client, b"")[0], 100) == b""


def test_a_bucket_without_versions_is_read_without_one(client: Any, store: S3Store) -> None:
    client.put_object(Bucket="processed", Key="k", Body=b"text")
    assert store.head(Source(bucket="processed", key="k", version="", etag="", size=4), 100) == b"text"


def test_a_version_that_is_gone_refuses_the_file(client: Any, store: S3Store) -> None:
    (source,) = uploaded(client, b"text")
    client.delete_object(Bucket="raw", Key=source.key, VersionId=source.version)
    with pytest.raises(Refused, match="the uploaded version is no longer in raw; upload it again"):
        store.head(source, 100)


def test_keys_below_a_prefix_are_listed_and_deleted_in_batches(
    client: Any, store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("etl.store._BATCH", 2)
    for number in range(5):
        store.put_text(f"flats/run=1/{number:04}", "{}")
    store.put_json("flats/run=2/manifest.json", {"version": 1})
    keys = store.keys("flats/run=1/")
    assert (len(keys), keys[0], keys[-1]) == (5, "flats/run=1/0000", "flats/run=1/0004")
    store.delete(keys)
    assert store.keys("flats/") == ["flats/run=2/manifest.json"]
    body = client.get_object(Bucket="processed", Key="flats/run=2/manifest.json")["Body"].read()
    assert body == b'{\n "version": 1\n}\n'


def test_the_sum_is_of_what_is_stored_now(client: Any, store: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("etl.store.PIECE_BYTES", 4)
    store.put_text("flats/run=1/recipe.json", "{1234567}")
    assert store.sha256("flats/run=1/recipe.json") == hashlib.sha256(b"{1234567}").hexdigest()
    client.put_object(Bucket="processed", Key="flats/run=1/recipe.json", Body=b"other")
    assert store.sha256("flats/run=1/recipe.json") == hashlib.sha256(b"other").hexdigest()


def test_a_file_is_uploaded_under_its_key(client: Any, store: S3Store, tmp_path: Path) -> None:
    (tmp_path / "part").write_bytes(b"part")
    store.upload(tmp_path / "part", "flats/run=1/train/part-00000.parquet")
    assert client.get_object(Bucket="processed", Key="flats/run=1/train/part-00000.parquet")["Body"].read() == b"part"
    store.fetch("flats/run=1/train/part-00000.parquet", tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == b"part"
    assert store.uri("flats/run=1/train") == "s3://processed/flats/run=1/train"
