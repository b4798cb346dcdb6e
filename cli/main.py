"""The `mlops` command line."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from cli import api
from cli.errors import CliError
from cli.target import Target, Where, find_target

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
local_app = typer.Typer(no_args_is_help=True, help="The whole application on this machine: no AWS account, no Docker.")
app.add_typer(local_app, name="local")

Model = Annotated[str, typer.Option("--model", "-m", help="The model: a folder of models/.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
Stage = Annotated[str | None, typer.Option("--env", help="The environment: dev or prod.")]
On = Annotated[Where | None, typer.Option("--on", help="local or aws; by default the local cloud when it is up.")]

DEFAULT_MODEL = "california_housing"
progress = Console(stderr=True)
output = Console(soft_wrap=True)


@contextmanager
def errors(as_json: bool) -> Iterator[None]:
    """Turn what can go wrong into a message on stderr (or a JSON object) and exit code 1."""
    try:
        yield
    except CliError as error:
        _fail(error, as_json)
    except (ClientError, BotoCoreError) as error:
        _fail(CliError(str(error)), as_json)


def _fail(error: CliError, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"error": error.message, "hint": error.hint, "log": error.log}))
    else:
        for line in error.log:
            progress.print(f"  | {line}", markup=False, highlight=False, style="dim")
        progress.print(f"error: {error}", markup=False, highlight=False, style="red", soft_wrap=True)
    raise typer.Exit(1)


def _print_json(document: Mapping[str, Any]) -> None:
    typer.echo(json.dumps(document, default=str))


@local_app.command("run")
def local_run(
    data: Annotated[Path | None, typer.Option("--data", help="A CSV file; by default housing.csv or a sample.")] = None,
    model: Model = DEFAULT_MODEL,
    stage: Stage = None,
    as_json: Json = False,
) -> None:
    """Deploy, upload a file, follow it to an endpoint and ask the REST API for a prediction."""
    from cli import local
    from cli.data import find_data
    from cli.render import print_summary

    with errors(as_json):
        summary = local.run(model=model, data=find_data(model, data), stage=stage or "dev", console=progress)
        if as_json:
            _print_json(summary)
        else:
            print_summary(output, summary)


@local_app.command("up")
def local_up(
    port: Annotated[int, typer.Option(help="The port on 127.0.0.1; 0 takes a free one.")] = 4599,
    stage: Stage = None,
    as_json: Json = False,
) -> None:
    """Deploy to a local cloud that stays up until Ctrl-C."""
    from cli import local
    from cli.render import print_up

    with (
        errors(as_json),
        local.deployed(stage=stage or "dev", console=progress, watch=local.Stopwatch(), port=port) as here,
        local.announced(here),
    ):
        if as_json:
            state = {"endpoint": here.target.endpoint, "api_url": here.target.api_url, "resources": here.resources}
            typer.echo(json.dumps(state))
        else:
            print_up(output, here.target, here.resources)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            local.wait(here)
        except KeyboardInterrupt:
            progress.print("Stopping")


@app.command()
def upload(
    file: Annotated[Path, typer.Argument(help="The CSV file.")],
    model: Model = DEFAULT_MODEL,
    wait: Annotated[bool, typer.Option(help="Follow the run to its end.")] = True,
    stage: Stage = None,
    on: On = None,
    as_json: Json = False,
) -> None:
    """Upload a data file; everything else follows by itself."""
    from cli.follow import follow, raise_for_failure
    from cli.upload import upload as put

    with errors(as_json):
        target = find_target(where=on, stage=stage)
        sent = put(target, model=model, file=file)
        progress.print(
            f"Uploaded {file} to s3://{sent.bucket}/{sent.key} ({target.where}), run {sent.run_id}", highlight=False
        )
        if not wait:
            if as_json:
                _print_json(asdict(sent))
            return
        run = follow(target, model=model, run_id=sent.run_id, console=progress, timeout=2 * 3600)
        raise_for_failure(target, run)
        _show(run.to_json(), as_json, lambda: output.print(f"{run.state}: {run.reason}", highlight=False))


@app.command()
def runs(
    run_id: Annotated[str | None, typer.Argument(help="Show one run and its steps.")] = None,
    model: Model = DEFAULT_MODEL,
    stage: Stage = None,
    on: On = None,
    as_json: Json = False,
) -> None:
    """List what became of every upload, newest first, or show one run."""
    from cli.render import print_run, print_runs
    from cli.runs import RunReader, list_runs

    with errors(as_json):
        target = find_target(where=on, stage=stage)
        target.check_model(model)
        if run_id:
            run = RunReader(target, model=model).read(run_id)
            if not run.steps and run.state == "uploaded":
                raise CliError(f"There is no run {run_id} of {model}.", "List them: mlops runs.")
            _show(run.to_json(), as_json, lambda: print_run(output, run))
        else:
            found = list_runs(target, model=model)
            _show({"runs": [run.to_json() for run in found]}, as_json, lambda: print_runs(output, found))


@app.command()
def retry(
    run_id: Annotated[str, typer.Argument(help="The run whose data set to train on again.")],
    model: Model = DEFAULT_MODEL,
    stage: Stage = None,
    on: On = None,
    as_json: Json = False,
) -> None:
    """Train again on a run's data set, after what made it fail was mended."""
    from cli.follow import follow, raise_for_failure
    from cli.runs import RunReader
    from cli.runs import retry as start

    with errors(as_json):
        target = find_target(where=on, stage=stage)
        target.check_model(model)
        start(target, RunReader(target, model=model).read(run_id))
        run = follow(target, model=model, run_id=run_id, console=progress, timeout=2 * 3600)
        raise_for_failure(target, run)
        _show(run.to_json(), as_json, lambda: output.print(f"{run.state}: {run.reason}", highlight=False))


def _show(document: Mapping[str, Any], as_json: bool, render: Any) -> None:
    if as_json:
        _print_json(document)
    else:
        render()


@app.command()
def predict(
    model: Model = DEFAULT_MODEL,
    values: Annotated[
        list[str] | None, typer.Option("--set", help="name=value; others keep the example's value.")
    ] = None,
    file: Annotated[Path | None, typer.Option(help="A JSON file: one record or a list of records.")] = None,
    stage: Stage = None,
    on: On = None,
    as_json: Json = False,
) -> None:
    """Ask the REST API for predictions."""
    from cli.records import records_to_ask

    with errors(as_json):
        target: Target = find_target(where=on, stage=stage)
        target.check_model(model)
        instances = records_to_ask(model, file=file, values=values or [])
        answer = api.predict(target, model=model, instances=instances)
        if as_json:
            _print_json(answer)
            return
        for prediction in answer["predictions"]:
            output.print(f"{prediction['value']:,.2f} {prediction.get('unit') or ''}", highlight=False)


def main() -> None:
    """Entry point: exit code 0, 1 for what a message explains, 2 for wrong arguments."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
