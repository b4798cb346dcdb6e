"""Follows a run to its end and shows it: a live table on a terminal, one line a change elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from rich.console import Group
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from cli.errors import CliError
from cli.target import Target
from cli.terminal import Console, words
from contract.books import Books, books_of
from tracking.logs import log_tail
from tracking.run import Run, Step
from tracking.runs import RunReader

# How long an upload of a file that was refused before may take to start again; after that, the refusal stands.
RESTART_SECONDS = 120.0
# What the steps of a pipeline say of a data set that is not whole.
DATA_SET_SPOILT = "run the ETL job again"

MARKS = {
    "Succeeded": ("✓", "green"),
    "SUCCEEDED": ("✓", "green"),
    "Cached": ("↺", "green"),
    "Failed": ("✗", "red"),
    "FAILED": ("✗", "red"),
}


def follow(
    target: Target,
    *,
    model: str,
    run_id: str,
    console: Console,
    timeout: float,
    alive: Callable[[], None] | None = None,
    earlier: Run | None = None,
) -> Run:
    """Poll until the run is final and return it. `alive` may raise to stop waiting for a cloud that died.

    `earlier` is what the run was when its file was uploaded again. It is the answer when nothing runs again; a refusal
    or failed ETL is about to be repeated, and is not.
    """
    if earlier and earlier.final and not _starts_again(earlier):
        return earlier
    reader = RunReader(target.place, model=model)
    interval = 0.25 if target.where == "local" else 5.0
    deadline = time.monotonic() + timeout
    stale_until = time.monotonic() + RESTART_SECONDS
    view = _live_view(console) if console.is_terminal else _line_view(console)
    with view as show:
        while True:
            run = reader.read(run_id)
            stale = run.final and earlier is not None and _starts_again(earlier) and run.started == earlier.started
            if not stale or time.monotonic() > stale_until:
                show(run)
                if run.final:
                    return run
            if time.monotonic() > deadline:
                raise CliError(f"Run {run_id} is still '{run.state}' after {timeout:.0f} s: {run.reason}", _see(run_id))
            if alive:
                alive()
            time.sleep(interval)


def _starts_again(run: Run) -> bool:
    """Whether uploading the run's file again runs it again (see start_etl): it ended, and there is no data set."""
    return run.final and run.manifest is None


def what_became_of(run: Run, key: str) -> str:
    """For an upload of data that was processed before: when, under which name, and with which result."""
    when = f" on {run.started.astimezone():%b %d at %H:%M:%S}" if run.started else ""
    name = f" as {run.file}" if run.file and run.file != key else ""
    result = f"The same data was uploaded before{when}{name} and is {run.state}: {run.reason.rstrip('.')}."
    if _starts_again(run):
        return f"{result} It is tried again."
    again = f" To train again: mlops retry {run.run_id}." if run.state not in ("live", "waiting") else ""
    return f"{result} Nothing runs again.{again}"


def raise_for_failure(target: Target, run: Run, *, rejects: str | None = None) -> None:
    """Raise CliError with the failing step's reason and log tail, unless the run went as far as it may.

    `rejects`: where rejected rows can be looked at, "" when there are none; by default, by which command.
    """
    if run.state in ("live", "waiting", "superseded", "unchanged"):
        return
    if run.state == "refused":
        where = f"mlops rejects {run.run_id}" if rejects is None else rejects
        raise CliError(
            f"The file was refused. {run.reason.rstrip('.')}.",
            f"Nothing was trained; it is still in the raw bucket.{f' Rejected rows: {where}.' if where else ''}",
        )
    if run.state == "rejected":
        raise CliError(f"The model was not registered: {run.reason}", _see(run.run_id))
    step = run.failed_step
    name = f"Step {step.name} failed" if step else "The run failed"
    reason = ((step and step.reason) or run.reason).rstrip(".")
    raise CliError(
        f"{name}: {reason}.",
        _way_back(run, reason),
        log_tail(target.place, step) if step else (),
    )


def _way_back(run: Run, reason: str) -> str:
    """The command that goes on with a run that failed."""
    again = f"mlops retry {run.run_id}"
    if run.manifest is None or DATA_SET_SPOILT in reason:
        first = "That is" if DATA_SET_SPOILT in reason else "Mend it, then run the ETL job again"
        return f"{first}: {again} --from etl"
    if any(step.status == "Cached" for step in run.steps):
        kept = "if what a step took from the cache is at fault, nothing is taken from there by"
        return f"Mend it, then: {again}; {kept}: {again} --fresh"
    return f"Mend it, then: {again}"


def _see(run_id: str) -> str:
    return f"See: mlops runs {run_id}."


class _live_view:  # noqa: N801  (a context manager used like a function)
    """Redraws the table of steps in place."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, refresh_per_second=8, transient=False)

    def __enter__(self) -> Callable[[Run], None]:
        self._live.start()
        return lambda run: self._live.update(steps_and_books(run))

    def __exit__(self, *_: object) -> None:
        self._live.stop()


class _line_view:  # noqa: N801  (a context manager used like a function)
    """Prints one line when a step changes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._seen: dict[str, str] = {}

    def __enter__(self) -> Callable[[Run], None]:
        return self._show

    def __exit__(self, *_: object) -> None:
        return None

    def _show(self, run: Run) -> None:
        for step in run.steps:
            if self._seen.get(step.name) != step.status:
                self._seen[step.name] = step.status
                took = f" in {step.seconds:.1f} s" if step.seconds is not None else ""
                self._console.print(f"  {step.name}: {step.status}{took}")
        self._show_books(run)
        if self._seen.get("") != run.state:
            self._seen[""] = run.state
            self._console.print(f"run {run.run_id}: {run.state}")

    def _show_books(self, run: Run) -> None:
        """Once, when the rows are counted."""
        for line in worth_knowing(books_of(run.counted)) if "books" not in self._seen else ():
            self._console.say(f"  {line}")
        if run.counted:
            self._seen["books"] = "shown"


def worth_knowing(books: Books | None) -> tuple[str, ...]:
    """Of the books, while a run is under way: rejected rows with the most frequent reasons, and warnings."""
    if books is None:
        return ()
    rejected = (f"{books.rejected:,} of {books.read:,} rows rejected", *books.frequent) if books.rejected else ()
    return (*rejected, *(f"warning: {text}" for text in books.warnings))


def steps_table(run: Run) -> Group:
    """The run's steps with their state and time, as something that rich can draw."""
    table = Table.grid(padding=(0, 2))
    for step in run.steps:
        mark: Text | Spinner = _mark(step)
        table.add_row(mark, step.name, words((step.status, "dim")), _took(step))
    age = "" if not run.started or run.final else f"{(datetime.now(UTC) - run.started).total_seconds():.0f} s"
    line = words((f"run {run.run_id}: {run.state} {age}", "bold"), ("" if run.final else f" {run.reason}", "dim"))
    return Group(table, line)


def steps_and_books(run: Run) -> Group:
    """The same, and what is worth knowing of the rows as soon as they are counted."""
    return Group(steps_table(run), *(words((line, "dim")) for line in worth_knowing(books_of(run.counted))))


def _mark(step: Step) -> Text | Spinner:
    if step.status in ("Executing", "RUNNING", "STARTING", "Starting"):
        return Spinner("dots")
    return words(MARKS.get(step.status, "·"))


def _took(step: Step) -> Text:
    took = words(f"{step.seconds:6.1f} s" if step.seconds is not None else "")
    took.justify = "right"
    return took
