"""The command that has a file predicted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from cli import batches
from cli.options import DEFAULT_MODEL, Json, Model, On, Stage, errors, output, progress, show
from cli.target import Target, find_target
from cli.terminal import Console

app = typer.Typer()


@app.command()
def batch(
    file: Annotated[Path, typer.Argument(help="CSV, also packed with gzip, or Parquet: a header, and rows.")],
    model: Model = DEFAULT_MODEL,
    to: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where the predictions go; by default beside the file.")
    ] = None,
    excel_safe: Annotated[
        bool, typer.Option("--excel-safe", help="An apostrophe before cells that a spreadsheet would compute.")
    ] = False,
    stage: Stage = None,
    on: On = None,
    as_json: Json = False,
) -> None:
    """Have every row of a file predicted: upload, wait, download. Bad rows come back with their reason."""
    with errors(as_json):
        target = find_target(where=on, stage=stage, model=model)
        wanted = to or file.with_name(f"{file.name}.predictions.csv")
        result = run(target, model=model, file=file, to=wanted, console=progress, excel_safe=excel_safe)
        show({**result, "output": str(wanted)}, as_json, lambda: _print(result, wanted))


def run(
    target: Target,
    *,
    model: str,
    file: Path,
    to: Path,
    console: Console,
    alive: Callable[[], None] | None = None,
    excel_safe: bool = False,
) -> Mapping[str, Any]:
    """From the file to its predictions in `to`. Returns the batch's result; raises CliError when there is none."""
    batches.check(file, to)
    with _bar(console, "Uploading", file.stat().st_size) as advance:
        sent = batches.put(target, model=model, file=file, on_bytes=advance)
    console.say(f"Uploaded {file} ({target.where}), batch {sent.id}")
    with _waiting(console) as on_progress:
        result = batches.wait(target, sent, on_progress=on_progress, alive=alive)
    with _bar(console, "Downloading", batches.size_of(target, result)) as advance:
        batches.fetch(target, result, to, on_bytes=advance, excel_safe=excel_safe)
    return result


@contextmanager
def _bar(console: Console, what: str, size: int) -> Iterator[Callable[[int], None]]:
    """Of bytes, on a terminal."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Bars(*columns, console=console, disable=not console.is_terminal, transient=True) as bars:
        task = bars.add_task(what, total=size)
        yield lambda count: bars.advance(task, count)


@contextmanager
def _waiting(console: Console) -> Iterator[Callable[[batches.Progress], None]]:
    """A bar of rows on a terminal, one line a change of state elsewhere."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    words = {"waiting": "Waiting for a transform job", "running": "Predicting"}
    with Bars(*columns, console=console, disable=not console.is_terminal, transient=True) as bars:
        task = bars.add_task(words["waiting"], total=None)
        said = ""

        def show_progress(now: batches.Progress) -> None:
            nonlocal said
            done = now.lines if now.total is None else min(now.lines, now.total)
            bars.update(task, description=words[now.state], completed=done, total=now.total)
            if now.state != said and not console.is_terminal:
                console.say(words[now.state])
            said = now.state

        yield show_progress


def _print(result: Mapping[str, Any], to: Path) -> None:
    total, bad = result["rows"], result["bad_rows"]
    by = f"{result['model']} version {result['model_version']}"
    if contract := str(result.get("contract_hash") or ""):
        by += f" (contract {contract[:12]})"
    count = "1 bad row" if bad == 1 else f"{bad:,} bad rows"
    output.say(f"{total - bad:,} of {total:,} rows predicted by {by} in {result['seconds']:.1f} s; {count}")
    for warning in result.get("warnings", []):
        output.say(f"  Note: {warning}")
    for reason in result.get("reasons", ()):
        rows = "1 row," if reason["count"] == 1 else f"{reason['count']:,} rows, such as"
        output.say(f"  {rows} line {reason['line']}: {reason['reason']}")
    if bad > sum(reason["count"] for reason in result.get("reasons", ())):
        output.say("  and other reasons: see the column prediction_error")
    output.say(f"Predictions: {to}")
