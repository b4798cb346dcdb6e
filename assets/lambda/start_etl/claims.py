"""The claim of a run, which says how far its file got: one object, and only one of two writers at once succeeds.

`state`: waiting, starting (Glue is asked, and its answer not noted yet), started (`workflow_run` names it), superseded
(`reason` names the newer file), failed (`reason`: why Glue does not take it). Claims of earlier releases have none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from start_etl.logic import StartError, Upload

LOST_RACE = ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey")
# The file has its ticket, or is about to get it.
ON_ITS_WAY = ("waiting", "starting")
_NOT_YET = datetime.max.replace(tzinfo=UTC)


class ClaimHeldError(StartError):
    """Somebody else wrote the claim at this moment."""


@dataclass(frozen=True)
class Claim:
    """`written`: when, by S3's clock. `etag` is that of the object; "" before it was written."""

    key: str
    content: Mapping[str, Any]
    etag: str = ""
    written: datetime = _NOT_YET

    @property
    def state(self) -> str:
        if "workflow_run" in self.content:
            return "started"
        # An earlier release wrote its claim, and then asked Glue.
        return str(self.content.get("state", "starting"))

    @property
    def workflow_run(self) -> str:
        return str(self.content.get("workflow_run", ""))

    @property
    def upload(self) -> Upload:
        return Upload.read(self.content)

    def is_of(self, upload: Upload) -> bool:
        """Whether it was written for this version of this object, and not for another one with the same bytes."""
        return bool(self.content.get("version", upload.version) == upload.version)

    def become(self, state: str, **facts: str) -> Claim:
        return replace(self, content={**self.content, "state": state, **facts})


@dataclass(frozen=True)
class Claims:
    """In the processed bucket."""

    s3: Any
    bucket: str

    def make(self, claim: Claim) -> Claim | None:
        """None when the run has a claim already."""
        return self._put(claim, IfNoneMatch="*")

    def read(self, key: str) -> Claim:
        """Raises ClientError when there is none."""
        held = self.s3.get_object(Bucket=self.bucket, Key=key)
        return Claim(key, json.loads(held["Body"].read()), held["ETag"], held["LastModified"])

    def write(self, claim: Claim) -> Claim:
        """Raises ClaimHeldError when it is not the one that was read any more."""
        written = self._put(claim, IfMatch=claim.etag)
        if written is None:
            raise ClaimHeldError(f"Somebody else wrote {claim.key}.")
        return written

    def has_data_set(self, claim: Claim) -> bool:
        manifest = f"{claim.key.rpartition('/')[0]}/manifest.json"
        return bool(self.s3.list_objects_v2(Bucket=self.bucket, Prefix=manifest, MaxKeys=1).get("KeyCount"))

    def _put(self, claim: Claim, **condition: str) -> Claim | None:
        """None when the condition does not hold."""
        body = json.dumps(dict(claim.content)).encode()
        try:
            written = self.s3.put_object(
                Bucket=self.bucket, Key=claim.key, Body=body, ContentType="application/json", **condition
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in LOST_RACE:
                return None
            raise
        return replace(claim, etag=written["ETag"], written=datetime.now(UTC))


def key_of(model: str, run_id: str) -> str:
    return f"{model}/run={run_id}/claim.json"
