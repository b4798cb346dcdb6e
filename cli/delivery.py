"""Commands of the workflows: what a change would do to AWS, and whether what was deployed answers."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cli.errors import CliError
from cli.options import Json, On, Stage, errors, output, progress, show
from cli.target import find_target
from cli.terminal import plain, print_text

app = typer.Typer()

LookupRole = Annotated[bool, typer.Option("--lookup-role", help="Look with the CDK's lookup role, as a workflow does.")]


@app.command("diff-report")
def diff_report(
    files: Annotated[list[Path], typer.Argument(help="What `cdk diff --no-color` printed, a file or several.")],
    out: Annotated[Path | None, typer.Option(help="Where to write the Markdown; by default it is printed.")] = None,
    allow_destructive: Annotated[
        bool, typer.Option("--allow-destructive", help="Report what would be lost, and do not fail.")
    ] = False,
) -> None:
    """Turn `cdk diff` into a comment for a pull request; exit code 1 when something would be lost."""
    from cli.diff_report import DiffError, StackDiff, parse, report

    with errors(as_json=False):
        stacks: list[StackDiff] = []
        for file in files:
            try:
                # Text mode would make a line of what follows a carriage return.
                stacks += parse(file.read_bytes().decode(errors="replace"))
            except (OSError, DiffError) as error:
                raise CliError(f"Cannot report on {file}: {error}.") from error
        text = report(stacks, allowed=allow_destructive)
        if out:
            out.write_text(text, encoding="utf-8")
        else:
            print_text(text)
        losses = sum(len(stack.losses) for stack in stacks)
        if losses and not allow_destructive:
            raise CliError(f"{losses} stateful resources would be lost or replaced.", "The report names them.")


@app.command()
def smoke(
    stage: Stage = None,
    on: On = None,
    lookup_role: LookupRole = False,
    as_json: Json = False,
) -> None:
    """Ask every model of an environment for a prediction; one without a version yet, or stopped, is no failure."""
    from cli.smoke import check, through_lookup_role

    with errors(as_json):
        target = find_target(where=on, stage=stage)
        answers = check(through_lookup_role(target) if lookup_role else target)

        def render() -> None:
            for answer in answers:
                output.say(f"{answer.model}: {answer.verdict}. {answer.detail}")

        failed = [answer.model for answer in answers if answer.verdict == "failed"]
        show(
            {"stage": target.stage, "models": [asdict(answer) for answer in answers], "ok": not failed}, as_json, render
        )
        if failed:
            progress.say(f"error: {', '.join(failed)} gave no prediction.", style="red")
            raise typer.Exit(1)


@app.command("deployed-commit")
def deployed_commit(stage: Stage = None, on: On = None, lookup_role: LookupRole = False) -> None:
    """Print the commit that is deployed, or `unknown`: a diff with it shows what changed besides."""
    from cli import smoke

    with errors(as_json=False):
        target = find_target(where=on, stage=stage)
        print_text(plain(smoke.deployed_commit(smoke.through_lookup_role(target) if lookup_role else target)))
