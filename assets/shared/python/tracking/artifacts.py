"""The bytes that a version was evaluated with, and whether they are the ones that stand there now."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import ClientError

_PIECE = 1 << 20
_GONE = ("404", "NoSuchKey", "NoSuchVersion")


class Writable(Protocol):
    def write(self, data: bytes, /) -> object: ...


class ChangedArtifactError(Exception):
    """Other bytes stand where an artifact was registered. The text has both digests."""


class UnservableError(Exception):
    """A version that somebody registered so that it cannot be served. The text says why, in a sentence."""


@dataclass(frozen=True)
class Artifact:
    """model.tar.gz of a version: S3 URI, SHA-256 of its bytes, and their version in the bucket.

    Both are "" of a version that was registered before they were recorded.
    """

    uri: str
    sha256: str = ""
    version: str = ""

    @property
    def place(self) -> dict[str, str]:
        bucket, _, key = self.uri.removeprefix("s3://").partition("/")
        return {"Bucket": bucket, "Key": key}

    @property
    def pinned(self) -> dict[str, str]:
        """Of exactly these bytes, whatever was written since."""
        return {**self.place, **({"VersionId": self.version} if self.version else {})}


# Of a package without an archive.
NOWHERE = Artifact("")


def container_of(package: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of a described model package. Raises UnservableError where there is none, or a chain of several."""
    containers = package.get("InferenceSpecification", {}).get("Containers", [])
    if len(containers) != 1:
        many = f"{len(containers)} containers" if containers else "no container"
        raise UnservableError(f"It was registered with {many}: a version is served by one.")
    container: Mapping[str, Any] = containers[0]
    return container


def artifact_of(package: Mapping[str, Any]) -> Artifact:
    """Of a described model package. Raises UnservableError."""
    container = container_of(package)
    metadata = package.get("CustomerMetadataProperties", {})
    uri = container.get("ModelDataUrl", "")
    return Artifact(uri, metadata.get("artifact_sha256", ""), metadata.get("artifact_version", ""))


def check(s3: Any, artifact: Artifact) -> None:
    """Raises ChangedArtifactError, and ClientError when nothing stands there.

    S3 never changes a version of an object: the one that was recorded need not be read again.
    """
    if not artifact.sha256 or s3.head_object(**artifact.place).get("VersionId") == artifact.version:
        return
    found = digest_of(s3, artifact.place)
    if found != artifact.sha256:
        raise ChangedArtifactError(
            f"Its artifact {artifact.uri} was exchanged: its SHA-256 is {found}, registered was {artifact.sha256}."
        )


def is_gone(s3: Any, artifact: Artifact) -> bool:
    """Whether the bytes that were registered stand nowhere any more. Raises ClientError for what may not be read.

    S3 says it only to those who may list the bucket.
    """
    try:
        s3.head_object(**artifact.pinned)
    except ClientError as error:
        if error.response["Error"]["Code"] not in _GONE:
            raise
        return True
    return False


def digest_of(s3: Any, place: Mapping[str, str], *, to: Writable | None = None) -> str:
    """SHA-256 of the object at `place`, as boto3 names it. It is also written to the file `to`."""
    digest = hashlib.sha256()
    for piece in s3.get_object(**place)["Body"].iter_chunks(_PIECE):
        digest.update(piece)
        if to is not None:
            to.write(piece)
    return digest.hexdigest()
