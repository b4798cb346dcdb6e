"""JSON documents. Those that are written once are read once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from tracking.place import Place


class Documents:
    """Keeps what it has read. Several threads may use it."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._read: dict[tuple[str, str], Mapping[str, Any]] = {}

    def read(self, bucket: str, key: str) -> Mapping[str, Any] | None:
        """None while there is no such object."""
        if (bucket, key) not in self._read:
            try:
                body = self._place.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
            except ClientError as error:
                if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                    return None
                raise
            self._read[bucket, key] = json.loads(body)
        return self._read[bucket, key]

    def now(self, bucket: str, key: str) -> Mapping[str, Any] | None:
        """As it is at this moment: one that changes."""
        self._read.pop((bucket, key), None)
        return self.read(bucket, key)

    def at(self, uri: str) -> Mapping[str, Any] | None:
        """`uri`: s3://bucket/key; None for "" too."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return self.read(bucket, key) if key else None
