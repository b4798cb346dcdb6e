"""What says that the event of an upload arrived: a small object for each version of an uploaded object.

Not the claim of its run: two uploads may be one run, and the same upload another one by another contract.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

# In the processed bucket.
RECEIPTS = "receipts/"


def receipt_key(key: str, version: str) -> str:
    """Of a version of an object in the raw bucket."""
    digest = hashlib.sha256("\n".join((key, version)).encode()).hexdigest()
    return f"{RECEIPTS}{digest[:32]}.json"


def keep_receipt(s3: Any, bucket: str, *, key: str, version: str) -> None:
    body = json.dumps({"key": key, "version": version}).encode()
    s3.put_object(Bucket=bucket, Key=receipt_key(key, version), Body=body, ContentType="application/json")


def has_receipt(s3: Any, bucket: str, *, key: str, version: str) -> bool:
    """Needs to list what is below RECEIPTS, and nothing else."""
    found = s3.list_objects_v2(Bucket=bucket, Prefix=receipt_key(key, version), MaxKeys=1)
    return bool(found.get("KeyCount"))
