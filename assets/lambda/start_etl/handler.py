"""Put each file that lands in the raw bucket on the waiting list, once. `dispatch` starts its workflow in its turn."""

from __future__ import annotations

import os
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from contract import bundled
from start_etl.claims import ON_ITS_WAY, Claim, Claims, key_of
from start_etl.content import content_of
from start_etl.logic import StartError, Upload, upload_of
from start_etl.settings import SETTINGS, UNDER_WAY, s3, workflow_status
from tracking import lines
from tracking.identity import run_id_of
from tracking.receipts import keep_receipt
from tracking.waiting import WaitingList

log = lines.logger("start_etl")


class UnknownModelError(StartError):
    """A file under a prefix that no model of this bundle has."""


CODE_HASH = os.environ["ETL_CODE_HASH"]
CONTRACTS = bundled()


@lines.invocation(log)
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answers with the messages that SQS has to deliver again; the others of the batch are done."""
    failures = []
    for record in event["Records"]:
        lines.about()
        try:
            take(upload_of(record["body"]))
        except (StartError, ClientError, BotoCoreError) as error:
            log.exception("Upload not taken", extra={"message_id": record["messageId"], "error": type(error).__name__})
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}


def take(upload: Upload) -> None:
    """Raises StartError or ClientError when SQS should deliver again. A full workflow is none: files wait for it."""
    facts = {"model": upload.model, "key": upload.key, "version": upload.version}
    # What fails before the run has an id is found by its file.
    lines.about(**facts)
    if upload.is_folder:
        log.info("Folder marker ignored", extra=facts)
        return
    if upload.model not in CONTRACTS:
        raise UnknownModelError(f"{upload.key}: no model is called {upload.model!r}.")
    # From here on the queue keeps the upload until it is on the waiting list: who looks for lost events need not.
    keep_receipt(s3, SETTINGS.processed_bucket, key=upload.key, version=upload.version)
    content = content_of(s3, upload)
    run_id = run_id_of(
        model=upload.model,
        content=content,
        size=upload.size,
        contract_hash=CONTRACTS[upload.model].hash,
        code_hash=CODE_HASH,
    )
    lines.about(run_id=run_id)
    claim, reason = claimed(upload, run_id)
    if claim is not None:
        ticket = claim.upload.ticket(run_id)
        # Also when another delivery wrote the claim: it may have died before it wrote the ticket.
        WaitingList(s3, SETTINGS.processed_bucket).put(ticket, {"run_id": run_id, **asdict(claim.upload)})
    log.info("Upload skipped" if reason else "Upload waits", extra={**facts, **({"reason": reason} if reason else {})})


def claimed(upload: Upload, run_id: str) -> tuple[Claim | None, str]:
    """The claim of the file that waits, None when none does; and why this upload is left alone, "" when it is not."""
    claims = Claims(s3, SETTINGS.processed_bucket)
    content = {"run_id": run_id, **asdict(upload), "state": "waiting", "claimed_at": datetime.now(UTC).isoformat()}
    new = Claim(key_of(upload.model, run_id), content)
    # Also where somebody deleted the claim: the run would make its data set once more.
    if claims.has_data_set(new):
        return None, "the data set is there"
    if made := claims.make(new):
        return made, ""
    held = claims.read(new.key)
    if held.state in ON_ITS_WAY and not takes_over(upload, held):
        return Claim(held.key, {**asdict(upload), **held.content}), "the file waits already"
    if reason := reason_to_leave(upload, held):
        return None, reason
    return claims.write(Claim(new.key, content, held.etag)), ""


def takes_over(upload: Upload, held: Claim) -> bool:
    """Whether bytes that wait, and are uploaded again, count from now on: where the newest upload is run alone."""
    if held.state != "waiting" or CONTRACTS[upload.model].uploads != "newest":
        return False
    before = held.upload
    return (upload.uploaded_at, upload.sequencer) > (before.uploaded_at, before.sequencer)


def reason_to_leave(upload: Upload, held: Claim) -> str:
    """Why a file that has had its turn does not get another one, "" when it does."""
    if held.state == "superseded" and held.is_of(upload):
        return "a newer file took its place"
    # A run that ended without a manifest was refused or failed: uploading the file again runs it again.
    status = workflow_status(held.workflow_run) if held.workflow_run else None
    return f"workflow run {held.workflow_run} is {status}" if status in UNDER_WAY else ""
