"""Copying between S3 and a job's folder, as the job's role."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.client import BaseClient
from botocore.exceptions import BotoCoreError, ClientError

from localcloud import platform

SESSION = "SageMaker"
PRINCIPAL = "sagemaker.amazonaws.com"


class TransferError(Exception):
    """A copy that failed; the message names the URI, and role, action and resource when it was denied."""


@dataclass(frozen=True)
class Location:
    bucket: str
    key: str

    @classmethod
    def parse(cls, uri: str) -> "Location":
        parts = urlsplit(uri)
        if parts.scheme != "s3" or not parts.netloc:
            raise TransferError(f"{uri} is not an S3 URI (s3://bucket/key)")
        # A key may contain ? and #, which urlsplit would take apart.
        return cls(parts.netloc, uri.removeprefix(f"s3://{parts.netloc}").lstrip("/"))

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    def child(self, name: str) -> "Location":
        return Location(self.bucket, f"{self.key.rstrip('/')}/{name}".lstrip("/"))


@functools.lru_cache(maxsize=64)
def _client(role_arn: str, account: str, region: str, endpoint: str) -> BaseClient:
    del account, region, endpoint  # they only tell clients apart
    return platform.client(platform.role_session(role_arn, SESSION, service=PRINCIPAL), "s3")


def client(role_arn: str) -> Any:
    """The S3 client of a role, shared by everything that acts as it."""
    return _client(role_arn, platform.account(), platform.region(), platform.endpoint())


def forget_clients() -> None:
    _client.cache_clear()


def _failure(uri: str, error: Exception) -> TransferError:
    return TransferError(f"{uri}: {error}")


def keys_below(s3: Any, source: Location) -> list[tuple[str, str]]:
    """(key, path relative to the target) of every object with the prefix; one object when the prefix is its key."""
    try:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=source.bucket, Prefix=source.key)
        keys = [item["Key"] for page in pages for item in page.get("Contents", ())]
    except (ClientError, BotoCoreError) as error:
        raise _failure(source.uri, error) from error
    if source.key in keys and not source.key.endswith("/"):
        return [(source.key, source.key.rpartition("/")[2])]
    return list(_relative(keys, source.key))


def _relative(keys: list[str], prefix: str) -> Iterator[tuple[str, str]]:
    """Paths below the prefix taken as a folder; below its parent for keys that only share its beginning."""
    parent = prefix.rpartition("/")[0]
    for key in keys:
        rest = key.removeprefix(prefix)
        if rest.startswith("/") or prefix.endswith("/") or not prefix:
            relative = rest.lstrip("/")
        else:
            relative = key.removeprefix(parent).lstrip("/")
        if relative and not relative.endswith("/"):
            yield key, relative


def download(role_arn: str, uri: str, folder: Path) -> int:
    """Copy everything below an S3 prefix into a folder; the number of files. Nothing there is an error."""
    source, s3 = Location.parse(uri), client(role_arn)
    found = keys_below(s3, source)
    if not found:
        raise TransferError(
            f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure '
            f"that the bucket exists in the selected region ({platform.region()}) and has objects with that prefix"
        )
    for key, relative in found:
        fetch(s3, Location(source.bucket, key), folder / relative)
    return len(found)


def fetch(s3: Any, source: Location, target: Path) -> None:
    """Copy one object to one file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        body = s3.get_object(Bucket=source.bucket, Key=source.key)["Body"]
        with target.open("wb") as file:
            for chunk in body.iter_chunks(1 << 20):
                file.write(chunk)
    except (ClientError, BotoCoreError) as error:
        raise _failure(source.uri, error) from error


def read(role_arn: str, uri: str) -> bytes:
    """One object as the role."""
    source = Location.parse(uri)
    try:
        return bytes(client(role_arn).get_object(Bucket=source.bucket, Key=source.key)["Body"].read())
    except (ClientError, BotoCoreError) as error:
        raise _failure(uri, error) from error


def upload(role_arn: str, folder: Path, uri: str) -> int:
    """Copy every file below a folder to an S3 prefix; the number of files."""
    target = Location.parse(uri)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in files:
        store(role_arn, path, target.child(path.relative_to(folder).as_posix()))
    return len(files)


def store(role_arn: str, path: Path, target: Location) -> None:
    """Copy one file to one object."""
    try:
        with path.open("rb") as file:
            client(role_arn).put_object(Bucket=target.bucket, Key=target.key, Body=file)
    except (ClientError, BotoCoreError) as error:
        raise _failure(target.uri, error) from error
