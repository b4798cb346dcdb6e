"""Start the workflow of one file, once, whatever became of an earlier attempt."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from botocore.exceptions import ClientError

from start_etl.claims import Claim, Claims, key_of
from start_etl.settings import SETTINGS, glue
from tracking.waiting import Ticket, WaitingList

# Glue has no room now: nothing was started, and nothing is wrong.
FULL = ("ConcurrentRunsExceededException", "ResourceNumberLimitExceededException", "ThrottlingException")
# Glue will never take this.
INVALID = ("InvalidInputException", "ValidationException")


class FullError(Exception):
    """The file keeps its place, and waits."""


class InvalidError(Exception):
    """A file that Glue does not take, with its reason."""


def start(claims: Claims, line: WaitingList, ticket: Ticket) -> str | None:
    """The workflow run, None when the ticket is nobody's any more.

    Raises FullError, InvalidError, and ClientError or BotoCoreError when it is not known what became of it.
    """
    claim = _claim_of(claims, line, ticket)
    if claim is None:
        return None
    if claim.etag and claim.state == "starting":
        known = _started_since(ticket.run_id, claim.written)
        if known:
            claims.write(claim.become("started", workflow_run=known))
            return known
    claim = claims.write(claim.become("starting"))
    try:
        run = glue.start_workflow_run(
            Name=SETTINGS.workflow, RunProperties={**claim.upload.properties, "run_id": ticket.run_id}
        )["RunId"]
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in FULL:
            claims.write(claim.become("waiting"))
            raise FullError(code) from error
        if code in INVALID:
            claims.write(claim.become("failed", reason=str(error)))
            raise InvalidError(str(error)) from error
        raise
    claims.write(claim.become("started", workflow_run=run))
    return str(run)


def superseded(line: WaitingList, tickets: Sequence[Ticket]) -> list[Ticket]:
    """Of tickets in order, those that are left when the newest one takes the place of the others."""
    claims, left = Claims(line.s3, line.bucket), list[Ticket]()
    newest = line.upload(tickets[-1])["key"] if len(tickets) > 1 else ""
    for ticket in tickets[:-1]:
        claim = _claim_of(claims, line, ticket)
        if claim is not None and claim.state == "starting":
            # It may have started.
            left.append(ticket)
            continue
        if claim is not None:
            words = f'{newest} was uploaded before its turn came, and uploads = "newest" in model.toml runs that alone.'
            claims.write(claim.become("superseded", reason=words))
        line.remove(ticket)
    return [*left, *tickets[-1:]]


def _claim_of(claims: Claims, line: WaitingList, ticket: Ticket) -> Claim | None:
    """None when the ticket was used, or belongs to an upload that a later one of the same bytes replaced."""
    upload = line.upload(ticket)
    key = key_of(ticket.model, ticket.run_id)
    # Somebody may have removed the claim: the ticket knows as much.
    if made := claims.make(Claim(key, {**upload, "state": "waiting"})):
        return made
    held = claims.read(key)
    if held.state not in ("waiting", "starting") or held.content.get("version", upload["version"]) != upload["version"]:
        return None
    return Claim(held.key, {**upload, **held.content}, held.etag, held.written)


def _started_since(run_id: str, moment: datetime) -> str | None:
    """The newest workflow run with this run id that started since then."""
    pages = glue.get_paginator("get_workflow_runs").paginate(Name=SETTINGS.workflow)
    ours = [
        run
        for page in pages
        for run in page.get("Runs", [])
        if run.get("WorkflowRunProperties", {}).get("run_id") == run_id and run["StartedOn"] >= moment
    ]
    newest = max(ours, key=lambda run: run["StartedOn"], default=None)
    return str(newest["WorkflowRunId"]) if newest else None
