"""What an uploaded file holds, as one short text: the same bytes give the same one, however they were sent."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from botocore.exceptions import ClientError
from logic import Upload

_PIECE = 1 << 20
# Of an object in one part; one in several parts has their number behind it.
_MD5 = re.compile(r"[0-9a-f]{32}")
# Encrypted so, or not at all, an object in one part has the MD5 of its bytes as ETag. Under a key of KMS it has not.
_PLAIN = ("AES256", None)
_GONE = ("404", "NoSuchKey", "NoSuchVersion", "NoSuchBucket")


def content_of(s3: Any, upload: Upload) -> str:
    """MD5 of the bytes, 32 hexadecimal digits. It is read from S3 where the ETag is not that.

    The ETag of a version that is gone: the ETL job says that it is. Raises ClientError for what may pass.
    """
    place = {"Bucket": upload.bucket, "Key": upload.key, "VersionId": upload.version}
    try:
        if _MD5.fullmatch(upload.etag) and s3.head_object(**place).get("ServerSideEncryption") in _PLAIN:
            return upload.etag
        digest = hashlib.md5(usedforsecurity=False)
        for piece in s3.get_object(**place)["Body"].iter_chunks(_PIECE):
            digest.update(piece)
    except ClientError as error:
        if error.response["Error"]["Code"] in _GONE:
            return upload.etag
        raise
    return digest.hexdigest()
