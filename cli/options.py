"""Options that commands share, and how a command ends."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError, WaiterError
from rich.console import Console

from cli.errors import CliError
from cli.target import Where

Model = Annotated[str, typer.Option("--model", "-m", help="The model: a folder of models/.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
Stage = Annotated[str | None, typer.Option("--env", help="The environment: dev or prod.")]
On = Annotated[Where | None, typer.Option("--on", help="local or aws; by default the local cloud when it is up.")]

DEFAULT_MODEL = "california_housing"
progress = Console(stderr=True)
# A pipe or a file is as wide as a table needs; a terminal has the width that it has.
output = Console(soft_wrap=True, width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else 200)


@contextmanager
def errors(as_json: bool) -> Iterator[None]:
    """Turn what can go wrong into a message on stderr (or a JSON object) and exit code 1; Ctrl-C into 130."""
    try:
        yield
    except CliError as error:
        _fail(error, as_json)
    except (ClientError, Boto3Error, WaiterError) as error:
        _fail(CliError(str(error)), as_json)
    except BotoCoreError as error:
        _fail(_unreachable(error), as_json)
    except KeyboardInterrupt:
        _fail(CliError("Interrupted."), as_json, code=130)


def _unreachable(error: BotoCoreError) -> CliError:
    """No answer, or a configuration with which nothing can be asked."""
    endpoint = str(error.kwargs.get("endpoint_url", ""))
    if endpoint.startswith("http://127.0.0.1:"):
        return CliError(f"The local cloud at {endpoint} no longer answers.", "Start it again: mlops local up.")
    return CliError(
        f"{str(error).rstrip('.')}.",
        "Check AWS_PROFILE, AWS_DEFAULT_REGION and your credentials, or start the local cloud: mlops local up.",
    )


def _fail(error: CliError, as_json: bool, *, code: int = 1) -> None:
    if as_json:
        typer.echo(json.dumps({"error": error.message, "hint": error.hint, "log": error.log}))
    else:
        for line in error.log:
            progress.print(f"  | {line}", markup=False, highlight=False, style="dim", soft_wrap=True)
        progress.print(f"error: {error}", markup=False, highlight=False, style="red", soft_wrap=True)
    raise typer.Exit(code)


def say(console: Console, text: str) -> None:
    """Words of anybody, as they are, on one line of any length."""
    console.print(text, highlight=False, markup=False, soft_wrap=True)


def print_json(document: Mapping[str, Any]) -> None:
    typer.echo(json.dumps(document, default=str))


def show(document: Mapping[str, Any], as_json: bool, render: Callable[[], object]) -> None:
    if as_json:
        print_json(document)
    else:
        render()
