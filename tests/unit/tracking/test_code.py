"""Archives of code, checked against what they are named by: those of the application itself."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from stacks import bundles
from tracking.code import ChangedCodeError, MissingCodeError, check_code, name_of


def uri_of(archive: bundles.Archive) -> str:
    """Where the CDK uploads it; a test of the stacks holds that it does."""
    return f"s3://assets/{hashlib.sha256(archive.digest.encode()).hexdigest()}{archive.path.suffixes[-1]}"


class Bucket:
    """An S3 client that has one object."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def get_object(self, **_: str) -> dict[str, Any]:
        return {"Body": io.BytesIO(self._body)}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> bundles.Bundles:
    return bundles.build(tmp_path_factory.mktemp("staging"))


@pytest.mark.parametrize("name", ["pipeline", "library", "training_source", "serving_source"])
def test_what_the_stacks_deploy_is_what_it_is_named_by(built: bundles.Bundles, name: str) -> None:
    archive: bundles.Archive = getattr(built, name)
    check_code(Bucket(archive.path.read_bytes()), uri_of(archive))


@pytest.mark.parametrize("code", ["NoSuchKey", "AccessDenied"])
def test_code_that_is_gone_is_told_with_what_brings_it_back(code: str) -> None:
    """Who may not list the bucket is told the second one."""
    uri = f"s3://assets/{'a' * 64}.gz"
    with pytest.raises(MissingCodeError) as told:
        check_code(Failing(code), uri)
    assert str(told.value) == (
        f"The code {uri} is gone, or may not be read ({code}). Deploying again uploads it: ./dev cdk deploy"
    )


def test_what_may_pass_is_raised_as_it_is() -> None:
    with pytest.raises(ClientError, match="SlowDown"):
        check_code(Failing("SlowDown"), f"s3://assets/{'a' * 64}.gz")


class Failing:
    """An S3 client that answers with an error."""

    def __init__(self, code: str) -> None:
        self._code = code

    def get_object(self, **_: str) -> dict[str, Any]:
        raise ClientError({"Error": {"Code": self._code, "Message": "no"}}, "GetObject")


def repacked(path: Path, change: bytes) -> bytes:
    """The same archive with a line more in one of its files."""
    target = io.BytesIO()
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as packed:
            for name in source.namelist():
                packed.writestr(name, source.read(name) + (change if name == "train.py" else b""))
        return target.getvalue()
    with tarfile.open(path) as source, tarfile.open(fileobj=target, mode="w") as packed:
        for member in source:
            opened = source.extractfile(member)
            content = (opened.read() if opened else b"") + (change if member.name == "train.py" else b"")
            member.size = len(content)
            packed.addfile(member, io.BytesIO(content))
    return gzip.compress(target.getvalue(), compresslevel=1)


@pytest.mark.parametrize("name", ["pipeline", "training_source"])
def test_a_line_of_code_more_is_told_and_other_packing_is_not(built: bundles.Bundles, name: str) -> None:
    archive: bundles.Archive = getattr(built, name)
    uri = uri_of(archive)
    check_code(Bucket(repacked(archive.path, b"")), uri)
    changed = repacked(archive.path, b"import os\n")
    with pytest.raises(ChangedCodeError) as told:
        check_code(Bucket(changed), uri)
    assert name_of(changed) in str(told.value)
    assert f"deployed was {uri_of(archive)[12:76]}. Delete the object and deploy again." in str(told.value)


def test_what_is_no_archive_is_told(built: bundles.Bundles) -> None:
    for body in (b"", b"text", b"PK\x03\x04", built.library.path.read_bytes()[:-30], b"\x1f\x8b\x08"):
        with pytest.raises(ChangedCodeError, match="its name would be unreadable"):
            check_code(Bucket(body), uri_of(built.library))


def test_a_link_or_folder_more_is_told(built: bundles.Bundles) -> None:
    target = io.BytesIO()
    with tarfile.open(built.training_source.path) as source, tarfile.open(fileobj=target, mode="w:gz") as packed:
        for member in source:
            packed.addfile(member, source.extractfile(member))
        link = tarfile.TarInfo("extra.py")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        packed.addfile(link)
    with pytest.raises(ChangedCodeError):
        check_code(Bucket(target.getvalue()), uri_of(built.training_source))
