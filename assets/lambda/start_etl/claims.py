"""The lock of a run: one object that only one delivery of an event can write."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError
from logic import StartError

# Longer than the function may run, shorter than the queue's visibility timeout: a redelivered message finds that the
# delivery which claimed the run and died holds it no more.
LEASE = timedelta(seconds=175)
UNDER_WAY = ("RUNNING", "STOPPING")
LOST_RACE = ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey")


class ClaimHeldError(StartError):
    """Another delivery is starting this run at this moment."""


@dataclass(frozen=True)
class Claim:
    key: str
    content: Mapping[str, Any]


@dataclass(frozen=True)
class Claims:
    """Claims in the processed bucket. `status_of` gives the status of a workflow run, or None for an unknown one.

    `under_way` gives the workflow run of a run id that is under way, if there is one.
    """

    s3: Any
    bucket: str
    status_of: Callable[[str], str | None]
    under_way: Callable[[str], str | None]

    def acquire(self, folder: str, content: Mapping[str, Any]) -> tuple[Claim | None, str]:
        """The claim and "", or None and why the run is left alone. Raises ClaimHeldError."""
        claim = Claim(f"{folder}/claim.json", {**content, "claimed_at": datetime.now(UTC).isoformat()})
        if self._put(claim, IfNoneMatch="*"):
            return claim, ""
        held = self.s3.get_object(Bucket=self.bucket, Key=claim.key)
        reason = self._reason_to_leave(folder, json.loads(held["Body"].read()), held["LastModified"])
        if reason:
            return None, reason
        if not self._put(claim, IfMatch=held["ETag"]):
            raise ClaimHeldError(f"Another delivery took over {claim.key}.")
        return claim, ""

    def record(self, claim: Claim, workflow_run: str) -> None:
        """Note the workflow run, so that later deliveries know what became of the claim."""
        self._put(Claim(claim.key, {**claim.content, "workflow_run": workflow_run}))

    def release(self, claim: Claim) -> None:
        """Nothing was started: the next delivery need not wait for the lease to end."""
        self._put(Claim(claim.key, {**claim.content, "released": True}))

    def _reason_to_leave(self, folder: str, content: Mapping[str, Any], claimed: datetime) -> str:
        if self._exists(f"{folder}/manifest.json"):
            return "the data set is there"
        workflow_run = content.get("workflow_run")
        if content.get("released"):
            return ""
        if workflow_run is None:
            if datetime.now(UTC) - claimed < LEASE:
                raise ClaimHeldError(f"Another delivery is starting {folder}.")
            # It may have started the run and not heard of it: a second one would delete what the first one writes.
            started = self.under_way(folder.rpartition("=")[2])
            return f"workflow run {started} is under way" if started else ""
        # A run that ended without a manifest was refused or failed: uploading the file again runs it again.
        status = self.status_of(workflow_run)
        return f"workflow run {workflow_run} is {status}" if status in UNDER_WAY else ""

    def _exists(self, key: str) -> bool:
        return bool(self.s3.list_objects_v2(Bucket=self.bucket, Prefix=key, MaxKeys=1).get("KeyCount"))

    def _put(self, claim: Claim, **condition: str) -> bool:
        """False when the condition does not hold: somebody else wrote the claim."""
        body = json.dumps(claim.content).encode()
        try:
            self.s3.put_object(
                Bucket=self.bucket, Key=claim.key, Body=body, ContentType="application/json", **condition
            )
        except ClientError as error:
            if condition and error.response["Error"]["Code"] in LOST_RACE:
                return False
            raise
        return True
