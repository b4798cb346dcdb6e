"""Commands that show the rows of a run: what was rejected, and what its model saw."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cli import rows
from cli.options import AnyModel, Json, On, Stage, errors, output, print_json, progress
from cli.runs import find_run
from cli.tables import Cell, csv_lines, write_csv
from cli.target import find_target
from cli.terminal import plain, print_text
from contract.books import Books, books_of
from contract.reading import quoted
from contract.sides import Side
from tracking.datasets import Reject

app = typer.Typer()

RunId = Annotated[str, typer.Argument(help="The run: an id of `mlops runs`.")]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="Write CSV to this file instead.")]

Safe = Annotated[
    bool, typer.Option("--excel-safe", help="An apostrophe before cells that a spreadsheet would compute.")
]


@app.command()
def rejects(
    run_id: RunId,
    out: Out = None,
    excel_safe: Safe = False,
    model: AnyModel = None,
    stage: Stage = None,
    on: On = None,
    as_json: Json = False,
) -> None:
    """Show the rows of a file that were rejected, each with its line and all that is wrong with it."""
    with errors(as_json):
        target = find_target(where=on, stage=stage, model=model)
        run = find_run(target, model=model, run_id=run_id)
        found, books = rows.rejected(target, run), books_of(run.counted)
        if out:
            _written(out, run_id, rows.save_rejects(found, out, safe=excel_safe), "rejected row", as_json)
        elif as_json:
            listed = [asdict(reject) for reject in found]
            counts = books.to_dict() if books else None
            print_json({"run_id": run_id, "rejected": len(listed), "books": counts, "rejects": listed})
        else:
            _print_rejects(found, books)


@app.command()
def data(
    run_id: RunId,
    split: Annotated[Side | None, typer.Option(help="One side of the split; by default all that are kept.")] = None,
    out: Out = None,
    excel_safe: Safe = False,
    model: AnyModel = None,
    stage: Stage = None,
    on: On = None,
    as_json: Json = False,
) -> None:
    """Write the rows that a run's model saw, as they were in the file, with their side and id: CSV, or JSON."""
    with errors(as_json):
        target = find_target(where=on, stage=stage, model=model)
        table = rows.raw_table(target, find_run(target, model=model, run_id=run_id), split)
        if out:
            _written(out, run_id, write_csv(out, table.header, table.rows, safe=excel_safe), "row", as_json)
        elif as_json:
            records = [dict(zip(table.header, cells, strict=True)) for cells in table.rows]
            print_json({"run_id": run_id, "rows": records})
        else:
            _print_csv(table.header, table.rows, safe=excel_safe)


def _print_rejects(found: Iterable[Reject], books: Books | None) -> None:
    """The rows; how many there are, and all the reasons, to stderr."""
    for line in (books.sentence, *(reason.text for reason in books.reasons)) if books else ():
        progress.say(line)
    none = True
    for reject in found:
        none = False
        output.say(f"line {reject.line}: {reject.reason}")
        output.say(f"  {quoted(reject.row)}")
    if none:
        progress.say("No row was rejected.")


def _print_csv(header: Sequence[str], cells: Iterable[Sequence[Cell]], *, safe: bool) -> None:
    """A row is a line here: a line break in a cell is shown as an escape, which a file has as it is."""
    for line in csv_lines(header, cells, safe=safe):
        print_text(plain(line.removesuffix("\n")))


def _written(out: Path, run_id: str, count: int, noun: str, as_json: bool) -> None:
    if as_json:
        print_json({"run_id": run_id, "rows": count, "output": str(out) if count else None})
    elif count:
        output.say(f"{count:,} {noun}{'' if count == 1 else 's'}: {out}")
    else:
        output.say("No row was rejected; nothing was written.")
