"""Commands for who may call the REST API: `mlops keys`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from cli import keys
from cli.errors import CliError
from cli.options import Json, On, Stage, errors, output, print_json, progress, show
from cli.target import find_target
from cli.terminal import plain, print_text, words
from tracking.callers import USES, Use

app = typer.Typer(no_args_is_help=True, help="API keys: one for each caller, with limits of its own.")

SOON = "API Gateway may take a minute to know it everywhere."


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Who holds it: small letters, digits and hyphens.")],
    models: Annotated[
        list[str] | None, typer.Option("--models", help="Only these models; name it again for another one.")
    ] = None,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Runs, versions and monitoring, no predictions.")
    ] = False,
    predict_only: Annotated[bool, typer.Option("--predict-only", help="Predictions, and what a model takes.")] = False,
    per_second: Annotated[
        int | None, typer.Option(help="Requests a second; by default those of stacks/config.py.", min=1)
    ] = None,
    per_day: Annotated[
        int | None, typer.Option(help="Requests a day; by default those of stacks/config.py.", min=1)
    ] = None,
    stage: Stage = None,
    on: On = None,
    as_json: Json = False,
) -> None:
    """Make a key. Its value is printed this once."""
    with errors(as_json):
        if read_only and predict_only:
            raise CliError("A key is --read-only or --predict-only.", "Leave both out for a key that is for both.")
        use: Use | None = "read" if read_only else "predict" if predict_only else None
        target = find_target(where=on, stage=stage)
        wanted = tuple(dict.fromkeys(part for text in models or () for part in text.split(","))) or None
        made = keys.create(target, name, models=wanted, use=use, per_second=per_second, per_day=per_day)
        if as_json:
            print_json({**made.key.to_json(), "value": made.value})
            return
        progress.say(f"The key {name} ({target.stage}, {target.where}). Keep it, it is not shown again. {SOON}")
        # Alone on stdout, for a pipe into where it is kept.
        print_text(plain(made.value))


@app.command("list")
def list_keys(stage: Stage = None, on: On = None, as_json: Json = False) -> None:
    """Show every key, what it is for and its id, which is what API Gateway's access log names. No values."""
    with errors(as_json):
        found = keys.listed(find_target(where=on, stage=stage))
        show({"keys": [key.to_json() for key in found]}, as_json, lambda: output.print(_table(found)))


@app.command()
def revoke(
    name: Annotated[str, typer.Argument(help="The key's name.")],
    stage: Stage = None,
    on: On = None,
    as_json: Json = False,
) -> None:
    """Delete a key with its limits: nobody is let in with it any more."""
    with errors(as_json):
        target = find_target(where=on, stage=stage)
        keys.revoke(target, name)
        if as_json:
            print_json({"revoked": name})
        else:
            progress.say(f"The key {name} is gone ({target.stage}, {target.where}). {SOON}")


def _table(found: list[keys.Key]) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("key", "id", "models", "for", "a second", "a day", "made by"):
        table.add_column(title)
    for key in found:
        caller, limits = key.caller, key.limits
        cells = (
            key.name,
            key.key_id,
            "none" if caller is None else ", ".join(caller.models) if caller.models else "all",
            "nothing" if caller is None else USES[caller.use] if caller.use else "everything",
            _number(limits.requests_per_second) if limits else "refused",
            _number(limits.requests_per_day) if limits else "refused",
            key.made_by,
        )
        table.add_row(*map(words, cells))
    return table


def _number(limit: float | None) -> str:
    return "no limit" if limit is None else f"{limit:,g}" if limit < 1e6 else f"{limit:,.0f}"
