"""SageMaker resources that may not be there yet, or be there already."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any

from botocore.exceptions import ClientError

# "Could not find endpoint ...", "Requested resource not found.", "ModelPackage ... does not exist."
_ABSENT = re.compile(r"not (find|found|exist)")


def found(describe: Callable[..., dict[str, Any]], **name: str) -> dict[str, Any] | None:
    """What a Describe operation answers; None for a name that does not exist.

    Most of them say so by a ValidationException, which says other things too: only its message tells.
    """
    try:
        return describe(**name)
    except ClientError as error:
        if is_absent(error):
            return None
        raise


def is_absent(error: ClientError) -> bool:
    """Whether a Describe operation says that there is no such resource."""
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    return code == "ResourceNotFound" or (code == "ValidationException" and _ABSENT.search(message) is not None)


def last_modified(described: Mapping[str, Any]) -> str:
    """In ISO 8601, of what a Describe operation answered; comparable with that of another call."""
    moment: str = described["LastModifiedTime"].astimezone(UTC).isoformat()
    return moment


def ensure(create: Callable[..., object], request: Mapping[str, Any], exists: Callable[[], object]) -> None:
    """Create it, unless another delivery made it before or makes it now."""
    if exists():
        return
    try:
        create(**request)
    except ClientError as error:
        # A name that is taken and an artifact that is gone have the same code.
        if error.response["Error"]["Code"] != "ValidationException" or not exists():
            raise


def is_gone(s3: Any, uri: str) -> bool:
    """Whether there is no such object. One that may not be read is there, as far as anybody knows."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        return error.response["Error"]["Code"] in ("404", "NoSuchKey", "NotFound")
    return False
