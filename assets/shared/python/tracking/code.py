"""Archives of code, which are named by the digest of what they hold: whether that is still so."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

# Who may not list a bucket is told the second one of what is not there.
_ABSENT = ("NoSuchKey", "AccessDenied")


class MissingCodeError(Exception):
    """An archive is not where it was deployed to."""


class ChangedCodeError(Exception):
    """An archive holds other files than it was deployed with. The text has both digests."""


def check_code(s3: Any, uri: str) -> None:
    """`uri`: s3://bucket/<name>.zip or .gz, as the CDK uploads an asset of ours.

    Raises ChangedCodeError, MissingCodeError, and ClientError for what may pass.
    The packed bytes differ with the zlib of the machine that packs: the name follows from names and contents.
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    wanted = key.rpartition("/")[2].partition(".")[0]
    try:
        body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code not in _ABSENT:
            raise
        raise MissingCodeError(
            f"The code {uri} is gone, or may not be read ({code}). Deploying again uploads it: ./dev cdk deploy"
        ) from error
    found = name_of(body)
    if found != wanted:
        raise ChangedCodeError(
            f"The code {uri} was exchanged: by its files its name would be {found}, deployed was {wanted}. "
            "Delete the object and deploy again."
        )


def name_of(archive: bytes) -> str:
    """SHA-256 of the archive's digest, 64 hexadecimal digits, as the CDK names it; "unreadable" for what is no archive.

    The digest is the SHA-256 over SHA-256 and name of each file, as the stacks give it to the CDK.
    """
    try:
        files = sorted((name, hashlib.sha256(content).hexdigest()) for name, content in _files(archive))
    except (tarfile.TarError, zipfile.BadZipFile, OSError, EOFError):
        return "unreadable"
    digest = hashlib.sha256("".join(f"{each}  {name}\n" for name, each in files).encode()).hexdigest()
    return hashlib.sha256(digest.encode()).hexdigest()


def _files(archive: bytes) -> Iterator[tuple[str, bytes]]:
    """What is no regular file has no content, and makes another digest all the same."""
    if archive.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            yield from ((name, opened.read(name)) for name in opened.namelist())
        return
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as packed:
        for member in packed:
            content = packed.extractfile(member) if member.isfile() else None
            yield member.name, content.read() if content else b""
