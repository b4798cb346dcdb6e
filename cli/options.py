"""Options that commands share, and how a command ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError, WaiterError

from cli.errors import CliError
from cli.target import CHOICE, Where
from cli.terminal import output, print_json, progress
from project import PROJECT

__all__ = ["output", "print_json", "progress"]  # beside what is defined here

Model = Annotated[str, typer.Option("--model", "-m", help="The model: a folder of models/.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
Stage = Annotated[
    str | None, typer.Option("--env", help=f"The environment: {PROJECT.environment} unless you name one.")
]
On = Annotated[
    Where | None,
    typer.Option("--on", envvar=CHOICE, help="The local cloud that is up (also by default), or aws."),
]

DEFAULT_MODEL = PROJECT.model
EveryModel = Annotated[str | None, typer.Option("--model", "-m", help="One model; by default, all of them.")]
# Of a command about a run: its id says which model it is of.
AnyModel = Annotated[str | None, typer.Option("--model", "-m", help="The model; by default, whichever has the run.")]


def of_model(model: str) -> str:
    """The end of a command that is printed to be pasted: which model it is about."""
    return "" if model == DEFAULT_MODEL else f" --model {model}"


@contextmanager
def errors(as_json: bool) -> Iterator[None]:
    """Turn what can go wrong into a message on stderr (or a JSON object) and exit code 1; Ctrl-C into 130."""
    try:
        yield
    except CliError as error:
        _fail(error, as_json)
    except (ClientError, Boto3Error, WaiterError, ParamValidationError) as error:
        _fail(CliError(str(error)), as_json)
    except BotoCoreError as error:
        _fail(_unreachable(error), as_json)
    except UnicodeEncodeError as error:
        _fail(CliError(f"'{error.object[:60]}' is not valid Unicode text.", "Name it otherwise."), as_json)
    except BrokenPipeError:
        raise  # whoever read what this prints has seen enough
    except OSError as error:
        _fail(CliError(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}."), as_json)
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
        print_json({"error": error.message, "hint": error.hint, "log": error.log})
    else:
        for line in error.log:
            progress.say(f"  | {line}", style="dim", indent=4)
        progress.say(f"error: {error}", style="red")
    raise typer.Exit(code)


def show(document: Mapping[str, Any], as_json: bool, render: Callable[[], object]) -> None:
    if as_json:
        print_json(document)
    else:
        render()
