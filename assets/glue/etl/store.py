"""Objects in S3: reads one version of one object, writes the data set."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from botocore.exceptions import ClientError

from etl.run import Refused, Source

_BATCH = 1000  # what DeleteObjects takes
PIECE_BYTES = 8 << 20
_GONE = {"NoSuchKey", "NoSuchVersion", "NoSuchBucket", "404"}


class Store(Protocol):
    """Keys are those of the processed bucket."""

    def head(self, source: Source, limit: int) -> bytes: ...

    def download(self, source: Source, path: Path) -> None: ...

    def pieces(self, source: Source) -> Iterator[bytes]: ...

    def upload(self, path: Path, key: str) -> None: ...

    def fetch(self, key: str, path: Path) -> None: ...

    def sha256(self, key: str) -> str: ...

    def put_json(self, key: str, document: Mapping[str, Any]) -> None: ...

    def put_text(self, key: str, text: str) -> None: ...

    def keys(self, prefix: str) -> list[str]: ...

    def delete(self, keys: list[str]) -> None: ...

    def uri(self, key: str) -> str: ...


class S3Store:
    def __init__(self, client: Any, *, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def head(self, source: Source, limit: int) -> bytes:
        """The first bytes of the object. Raises Refused when that version is gone."""
        return self._range(source, 0, limit)

    def pieces(self, source: Source) -> Iterator[bytes]:
        """All bytes. Each piece is a request of its own: none waits while what came before is worked on."""
        start = 0
        while piece := self._range(source, start, PIECE_BYTES):
            yield piece
            start += len(piece)
            if len(piece) < PIECE_BYTES:
                return

    def download(self, source: Source, path: Path) -> None:
        with path.open("wb") as file:
            file.writelines(self.pieces(source))

    def _range(self, source: Source, start: int, size: int) -> bytes:
        """b"" beyond the end."""
        try:
            answer = self._client.get_object(**_version(source), Range=f"bytes={start}-{start + size - 1}")
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "InvalidRange":  # an empty object has no first byte
                return b""
            if code in _GONE:
                gone = f"{source.file}: the uploaded version is no longer in {source.bucket}; upload it again"
                raise Refused(gone) from error
            raise
        return bytes(answer["Body"].read())

    def upload(self, path: Path, key: str) -> None:
        self._client.upload_file(str(path), self._bucket, key)

    def fetch(self, key: str, path: Path) -> None:
        self._client.download_file(self._bucket, key, str(path))

    def sha256(self, key: str) -> str:
        """Of what is stored there now, 64 hexadecimal digits."""
        body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"]
        digest = hashlib.sha256()
        for piece in body.iter_chunks(PIECE_BYTES):
            digest.update(piece)
        return digest.hexdigest()

    def put_json(self, key: str, document: Mapping[str, Any]) -> None:
        self.put_text(key, json.dumps(document, indent=1, allow_nan=False) + "\n")

    def put_text(self, key: str, text: str) -> None:
        self._client.put_object(Bucket=self._bucket, Key=key, Body=text.encode(), ContentType="application/json")

    def keys(self, prefix: str) -> list[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", ())]

    def delete(self, keys: list[str]) -> None:
        for batch in _batches(keys):
            objects = [{"Key": key} for key in batch]
            answer = self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": objects, "Quiet": True})
            for problem in answer.get("Errors", ()):
                raise OSError(f"cannot delete {problem['Key']}: {problem['Code']} {problem.get('Message', '')}")

    def uri(self, key: str) -> str:
        return f"s3://{self._bucket}/{key}"


def _version(source: Source) -> dict[str, str]:
    place = {"Bucket": source.bucket, "Key": source.key}
    return place | {"VersionId": source.version} if source.version else place


def _batches(keys: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(keys), _BATCH):
        yield keys[start : start + _BATCH]
