"""The content of an upload, which its run is named by."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from start_etl.logic import Upload
from tracking import content

_GONE = ("404", "NoSuchKey", "NoSuchVersion", "NoSuchBucket")


def content_of(s3: Any, upload: Upload) -> str:
    """As tracking tells it; the ETag of a version that is gone, for the ETL job says that it is.

    Raises ClientError for what may pass.
    """
    place = {"Bucket": upload.bucket, "Key": upload.key, "VersionId": upload.version}
    try:
        return content.content_of(s3, place, upload.etag)
    except ClientError as error:
        if error.response["Error"]["Code"] in _GONE:
            return upload.etag
        raise
