"""Start the workflow for the files that wait, as far as it has room: woken by an upload, a job's end, and a clock.

The queue of its events has one message group, and hands out the next ones when these are done: there is one of it.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3

from contract import bundled
from start_etl.claims import ClaimHeldError, Claims
from start_etl.logic import Upload
from start_etl.settings import SETTINGS, UNDER_WAY, s3, workflow_status
from start_etl.starting import FullError, InvalidError, start, superseded
from start_etl.turns import Running, Turns, read_turns, write_turns
from tracking import lines
from tracking.waiting import Ticket, WaitingList

log = lines.logger("dispatch_etl")

# Glue tells the end of a job, and ends its workflow run a moment later, which it does not tell.
PATIENCE_SECONDS, PAUSE_SECONDS = 30.0, 1.0


@dataclass(frozen=True)
class Room:
    """`runs`: how many workflow runs there may be. What Glue refuses goes to the dead letters of the upload queue."""

    runs: int
    upload_queue: str
    dead_letters: str


ROOM = Room(
    runs=int(os.environ["CONCURRENT_RUNS"]),
    upload_queue=os.environ["UPLOAD_QUEUE_ARN"],
    dead_letters=os.environ["UPLOAD_DLQ_URL"],
)
CONTRACTS = bundled()
sqs = boto3.client("sqs")


class Head:
    """The oldest file of a model that waits."""

    def __init__(self, first: Ticket, others: Iterator[Ticket]) -> None:
        self.ticket, self._others = first, others

    def advance(self) -> bool:
        """To the next one. False when there is none."""
        following = next(self._others, None)
        self.ticket = following or self.ticket
        return following is not None


@lines.invocation(log)
def handler(event: dict[str, Any], _context: object) -> None:
    """Raises what AWS answers: SQS wakes it again, and keeps the event at last. The files go on waiting."""
    told = [json.loads(record["body"]) for record in event["Records"]]
    ended = any(message.get("source") == "aws.glue" for message in told)
    dispatch(until=time.monotonic() + (PATIENCE_SECONDS if ended else 0.0))


def dispatch(*, until: float) -> None:
    """`until`: on the monotonic clock, how long a place is waited for."""
    line = WaitingList(s3, SETTINGS.processed_bucket)
    heads = heads_of(line)
    turns = read_turns(s3, SETTINGS.processed_bucket) if heads else Turns()
    while heads:
        turns = turns.still(lambda run: workflow_status(run) in UNDER_WAY)
        model = turns.next_of(heads)
        lines.about(run_id=heads[model].ticket.run_id)
        try:
            turns = serve(line, heads[model].ticket, turns)
        except FullError as full:
            if time.monotonic() >= until:
                log.info("Files wait", extra={"models": sorted(heads), "reason": str(full)})
                return
            time.sleep(PAUSE_SECONDS)
            continue
        if not heads[model].advance():
            del heads[model]


def heads_of(line: WaitingList) -> dict[str, Head]:
    """By the model."""
    models = line.models()
    strangers = [model for model in models if model not in CONTRACTS]
    if strangers:
        log.warning("Files wait for models that are not deployed", extra={"models": strangers})
    waiting = {model: line.of(model) for model in models if model in CONTRACTS}
    for model, tickets in waiting.items():
        if CONTRACTS[model].uploads == "newest":
            waiting[model] = iter(superseded(line, list(tickets)))
    return {model: Head(first, tickets) for model, tickets in waiting.items() if (first := next(tickets, None))}


def serve(line: WaitingList, ticket: Ticket, turns: Turns) -> Turns:
    """Start the run of the ticket, and take it off the list. Raises FullError, and what AWS answers."""
    if len(turns.running) >= ROOM.runs:
        raise FullError(f"{len(turns.running)} of {ROOM.runs} runs are under way")
    try:
        run = start(Claims(s3, SETTINGS.processed_bucket), line, ticket)
    except ClaimHeldError:
        log.info("Left for the next time", extra={"model": ticket.model})
        return turns
    except InvalidError as error:
        give_up(line, ticket, str(error))
        run = None
    if run is not None:
        turns = turns.started(Running(ticket.model, ticket.run_id, run))
        write_turns(s3, SETTINGS.processed_bucket, turns)
        log.info("Workflow started", extra={"model": ticket.model, "workflow_run": run})
    # Last: who dies before this finds the ticket again, and what was noted of it.
    line.remove(ticket)
    return turns


def give_up(line: WaitingList, ticket: Ticket, reason: str) -> None:
    """Put the upload where those are that no delivery could take: a person is told, and can put it back."""
    log.error("Glue does not take the file", extra={"model": ticket.model, "reason": reason})
    facts = {"TARGET_ARN": ROOM.upload_queue, "ERROR_CODE": "REFUSED_BY_GLUE", "ERROR_MESSAGE": reason}
    sqs.send_message(
        QueueUrl=ROOM.dead_letters,
        MessageBody=json.dumps(Upload.read(line.upload(ticket)).event()),
        MessageAttributes={name: {"DataType": "String", "StringValue": value} for name, value in facts.items()},
    )
