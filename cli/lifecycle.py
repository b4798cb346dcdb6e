"""Commands on versions: list, show, approve, reject, roll back."""

from __future__ import annotations

from typing import Annotated

import typer

from cli import registry
from cli.api import notices
from cli.deployment import wait_until_live
from cli.errors import CliError
from cli.losses import what_is_lost
from cli.options import DEFAULT_MODEL, EveryModel, Json, Model, On, Stage, errors, output, progress, show
from cli.target import Target, find_target
from tracking.versions import ModelVersion, versions

app = typer.Typer()

Number = Annotated[int, typer.Argument(help="The version: a number of `mlops models`.")]
Wait = Annotated[bool, typer.Option(help="Wait until the endpoint follows.")]


@app.command()
def models(model: EveryModel = None, stage: Stage = None, on: On = None, as_json: Json = False) -> None:
    """List the versions of each model: metrics, approval, and what is live."""
    from cli.render import print_versions

    with errors(as_json):
        target = find_target(where=on, stage=stage, model=model)
        found = {name: versions(target.place, name) for name in ([model] if model else target.models)}
        told = notices(target, [name for name, known in found.items() if known]) if any(found.values()) else {}
        listed = [{"model": name, **version.to_json()} for name, known in found.items() for version in known]
        document = {"versions": listed, "notices": told}
        show(document, as_json, lambda: print_versions(output, found, notices=told))


@app.command("model")
def model_version(
    number: Number, model: Model = DEFAULT_MODEL, stage: Stage = None, on: On = None, as_json: Json = False
) -> None:
    """Show where one version comes from: data, contract, code, evaluation, decision, deployment."""
    from cli.render import print_version

    with errors(as_json):
        target = find_target(where=on, stage=stage, model=model)
        version = registry.find_version(target, model, number)
        lost = what_is_lost(target, version)
        show({**version.to_json(), "lost": lost}, as_json, lambda: print_version(output, version, lost=lost))


@app.command()
def approve(
    number: Number,
    reason: Annotated[str, typer.Option(help="Why; kept with the version.")] = "",
    wait: Wait = True,
    model: Model = DEFAULT_MODEL,
    stage: Stage = None,
    on: On = None,
    as_json: Json = False,
) -> None:
    """Approve a version; its verified deployment follows."""
    with errors(as_json):
        target = find_target(where=on, stage=stage, model=model)
        if words := registry.approve(target, registry.find_version(target, model, number), reason=reason):
            progress.say(words)
        version = wait_until_live(target, model, number) if wait else registry.find_version(target, model, number)
        show(version.to_json(), as_json, lambda: output.say(_sentence(version)))


@app.command()
def reject(
    number: Number,
    reason: Annotated[str, typer.Option(help="Why; kept with the version.")],
    model: Model = DEFAULT_MODEL,
    stage: Stage = None,
    on: On = None,
    as_json: Json = False,
) -> None:
    """Reject a version. If it is live, the endpoint goes back to the version approved before it."""
    with errors(as_json):
        target = find_target(where=on, stage=stage, model=model)
        registry.reject(target, registry.find_version(target, model, number), reason=reason)
        version = registry.find_version(target, model, number)
        show(version.to_json(), as_json, lambda: output.say(_sentence(version)))


@app.command()
def rollback(
    number: Annotated[int | None, typer.Argument(help="The version to go back to; by default the one before.")] = None,
    reason: Annotated[str, typer.Option(help="Why; kept with the versions.")] = "rollback",
    wait: Wait = True,
    model: Model = DEFAULT_MODEL,
    stage: Stage = None,
    on: On = None,
    as_json: Json = False,
) -> None:
    """Go back to an earlier version, verified as every deployment is."""
    with errors(as_json):
        target = find_target(where=on, stage=stage, model=model)
        version = registry.rollback(target, model, number=number, reason=reason)
        back = registry.way_back(target, model, version)
        version = _live_after_rollback(target, model, version.number, back) if wait else version
        document = {**version.to_json(), "way_back": back}
        show(document, as_json, lambda: output.say(f"{_sentence(version).rstrip('. ')}. {back}".rstrip()))


def _live_after_rollback(target: Target, model: str, number: int, back: str) -> ModelVersion:
    """A version that its verification rejects may leave nothing approved: the one before stays a command away."""
    try:
        return wait_until_live(target, model, number)
    except CliError as error:
        error.hint = f"{error.hint} {back}".strip()
        raise


def _sentence(version: ModelVersion) -> str:
    state = f", {version.deployment}" if version.deployment else ""
    return f"version {version.number}: {version.approval}{state}. {version.description}"
