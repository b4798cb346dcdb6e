"""Commands of those who run the platform: what was given up, and what a run logged."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from cli import dead_letters
from cli import redrive as redriving
from cli.dead_letters import Letter, Queue
from cli.errors import CliError
from cli.function_logs import function_logs
from cli.options import AnyModel, Json, On, Stage, errors, output, print_json, progress, show
from cli.target import Target, find_target
from cli.terminal import confirm, words
from tracking.logs import Line, run_lines
from tracking.request_log import REQUEST_ID, request_lines
from tracking.run import Run
from tracking.runs import RunReader

app = typer.Typer()

# Of a JSON line, what stands in columns of its own or says nothing of the run.
COLUMNS = frozenset(
    ("at", "timestamp", "time", "level", "event", "message", "logger", "run_id", "model", "requestId", "step")
)
PAUSE_SECONDS = {"local": 0.5, "aws": 5.0}
MOST_SHOWN = 60
REASONS = 3  # shown of a queue
TEXT_COLUMN = 34  # where the words of a line begin: after its time and its source


@app.command()
def redrive(
    queue: Annotated[str | None, typer.Argument(help="One queue: upload, training, ...; by default all.")] = None,
    only_list: Annotated[bool, typer.Option("--list", help="Show what is there, and leave it.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    stage: Stage = None,
    on: On = None,
    as_json: Json = False,
) -> None:
    """Put back what was given up: to the queue that it came from, or to the function that it was for."""
    with errors(as_json):
        target = find_target(where=on, stage=stage)
        found = [(item, dead_letters.look(target, item)) for item in dead_letters.queues(target, queue)]
        waiting = sum(len(letters) for _, letters in found)
        if not as_json:
            _print_queues(found)
        if waiting and not (only_list or yes):
            confirm(f"Put {waiting} back ({target.stage}, {target.where})?")
        done = [] if only_list else [part for item, _ in found for part in redriving.redrive(target, item)]
        document = {"queues": [_queue_json(*pair) for pair in found], "redriven": [asdict(part) for part in done]}
        show(document, as_json, lambda: _print_done(done, asked=bool(waiting) and not only_list))


@app.command()
def logs(
    run_id: Annotated[str | None, typer.Argument(help="The run: an id of `mlops runs`.")] = None,
    request: Annotated[
        str | None,
        typer.Option(
            "--request", metavar="ID", help="A request of the REST API instead: the request_id of its answer."
        ),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run ends.")] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Of its jobs and containers also the lines that do not name it: tracebacks.")
    ] = False,
    model: AnyModel = None,
    stage: Stage = None,
    on: On = None,
    as_json: Json = False,
) -> None:
    """Show what a run logged, from its upload to its endpoint. With --follow, --json prints an object a line."""
    from cli.runs import find_run

    with errors(as_json):
        if (run_id is None) == (request is None):
            raise CliError("Name a run, or a request with --request.", "mlops runs lists the runs.")
        target = find_target(where=on, stage=stage, model=model)
        if run_id is None:
            _print_request(target, str(request), everything=everything, follow=follow, as_json=as_json)
            return
        run = find_run(target, model=model, run_id=run_id)
        if follow:
            _follow(target, run.model, run_id, everything=everything, as_json=as_json)
            return
        lines = run_lines(target.place, run, functions=function_logs(target), everything=everything)
        show(
            {"run_id": run_id, "state": run.state, "lines": [_line_json(line) for line in lines]},
            as_json,
            lambda: _print_lines(lines),
        )


def _print_request(target: Target, request_id: str, *, everything: bool, follow: bool, as_json: bool) -> None:
    if follow:
        raise CliError("A request is over: there is nothing to follow.", "Leave out --follow.")
    if not REQUEST_ID.fullmatch(request_id):
        raise CliError(f"'{request_id[:MOST_SHOWN]}' is no request id.", "It is the `request_id` of an answer.")
    functions = function_logs(target, answering=True)
    lines = request_lines(target.place, request_id, functions=functions, everything=everything)
    if not lines:
        raise CliError(
            f"No log of {target.stage} names the request {request_id}.",
            "A line takes up to a minute to be found. Of another environment: --env.",
        )
    document = {"request_id": request_id, "lines": [_line_json(line) for line in lines]}
    show(document, as_json, lambda: _print_lines(lines))


def _follow(target: Target, model: str, run_id: str, *, everything: bool, as_json: bool) -> None:
    reader, groups = RunReader(target.place, model=model), function_logs(target)
    seen: set[Line] = set()
    ended = False
    while True:
        run: Run = reader.read(run_id)
        lines = run_lines(target.place, run, functions=groups, everything=everything)
        new = [line for line in lines if line not in seen]
        seen.update(new)
        if as_json:
            for line in new:
                print_json(_line_json(line))
        else:
            _print_lines(new)
        # Once more after the end: CloudWatch shows a line some time after it was written.
        if ended and not new:
            return
        ended = run.final
        time.sleep(PAUSE_SECONDS[target.where])


def _line_json(line: Line) -> dict[str, Any]:
    return {**asdict(line), "at": line.at.isoformat(), "source": _source(line), "record": dict(line.record)}


def _source(line: Line) -> str:
    """A function's lines name it as its folder is called."""
    return str(line.record.get("logger") or line.source)


def _print_lines(lines: Sequence[Line]) -> None:
    for line in lines:
        record = line.record
        facts = " ".join(f"{name}={value}" for name, value in record.items() if name not in COLUMNS)
        text = f"{record.get('event') or record.get('message') or line.message} {facts if record else ''}".rstrip()
        style = "red" if record.get("level") == "ERROR" else ""
        at = f"{line.at.astimezone():%H:%M:%S.%f}"[:-3]
        first, *more = text.replace("\r\n", "\n").split("\n")
        output.print(words((f"{at}  {_source(line):<18}", "dim"), f"  {first}"), style=style, soft_wrap=True)
        for rest in more:  # of a traceback: below the words, so that none passes for a line of its own
            output.print(" " * TEXT_COLUMN + rest, style=style, soft_wrap=True)


def _print_queues(found: Sequence[tuple[Queue, list[Letter]]]) -> None:
    for queue, letters in found:
        oldest = f", the oldest for {_age(letters[0].sent)}" if letters else ""
        output.say(f"{queue.name}: {queue.waiting} waiting{oldest}")
        reasons = dict.fromkeys(f"{letter.about}: {letter.reason}" for letter in letters)
        for reason in list(reasons)[:REASONS]:
            output.say(f"  {reason}", indent=4)


def _age(moment: datetime) -> str:
    seconds = int((datetime.now(UTC) - moment).total_seconds())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _queue_json(queue: Queue, letters: Sequence[Letter]) -> dict[str, Any]:
    return {
        "queue": queue.name,
        "waiting": queue.waiting,
        "oldest": letters[0].sent.isoformat() if letters else None,
        "messages": [{"about": item.about, "reason": item.reason, "sent": item.sent.isoformat()} for item in letters],
    }


def _print_done(done: Sequence[redriving.Returned], *, asked: bool) -> None:
    back = [item for item in done if item.to]
    for item in done:
        if not item.to:
            progress.say(f"Left in {item.queue}: {item.about}. {item.why}")
    if asked:
        output.print(f"{len(back)} of {len(done)} went back.")
