"""The `mlops` command line."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from cli import (
    access,
    api,
    batch,
    datasets,
    delivery,
    doctor,
    environment,
    kubernetes,
    lifecycle,
    operate,
    retained,
    serving,
)
from cli.environment import Shell
from cli.estate import Thing
from cli.options import DEFAULT_MODEL, AnyModel, Json, Model, On, Stage, errors, output, print_json, progress, show
from cli.target import Target, find_target
from cli.terminal import confirm, confirm_by_name, print_text, tolerate_encodings
from cli.usage import Group
from project import PROJECT

app = typer.Typer(cls=Group, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
local_app = typer.Typer(no_args_is_help=True, help="The whole application on this machine: no AWS account, no Docker.")
app.add_typer(local_app, name="local")
app.add_typer(lifecycle.app)
app.add_typer(serving.app)
app.add_typer(batch.app)
app.add_typer(datasets.app)
app.add_typer(delivery.app)
app.add_typer(operate.app)
app.add_typer(doctor.app)
app.add_typer(retained.app)
app.add_typer(access.app, name="keys")
app.add_typer(kubernetes.app, name="k8s")


@local_app.command("run")
def local_run(
    data: Annotated[Path | None, typer.Option("--data", help="A CSV file; by default housing.csv or a sample.")] = None,
    model: Model = DEFAULT_MODEL,
    stage: Stage = None,
    as_json: Json = False,
) -> None:
    """Deploy, upload a file, follow it to an endpoint and ask the REST API for a prediction."""
    with errors(as_json):  # a Ctrl-C while it loads is one, too
        from cli import local
        from cli.data import find_data
        from cli.render import print_summary

        summary = local.run(
            model=model, data=find_data(model, data), stage=stage or PROJECT.environment, console=progress
        )
        if as_json:
            print_json(summary)
        else:
            print_summary(output, summary)


@local_app.command("up")
def local_up(
    port: Annotated[int, typer.Option(help="The port on 127.0.0.1; 0 takes a free one.", min=0, max=65535)] = 4599,
    page: Annotated[bool, typer.Option(help="Also start the page, and open it in a browser.")] = True,
    page_port: Annotated[int, typer.Option(help="The page's port; another one when it is taken.", max=65535)] = 8501,
    stage: Stage = None,
    as_json: Json = False,
) -> None:
    """Deploy to a local cloud that stays up until Ctrl-C, and start the page."""
    from cli import local
    from cli import page as pages
    from cli.render import print_up

    with (
        errors(as_json),
        local.only_one(),
        local.deployed(
            stage=stage or PROJECT.environment, console=progress, watch=local.Stopwatch(), port=port
        ) as here,
        local.announced(here),
        pages.serving(here.target, console=progress, port=page_port) if page else nullcontext() as served,
    ):
        url = served.url if served else None
        if as_json:
            state = {"endpoint": here.target.endpoint, "api_url": here.target.api_url, "page_url": url}
            print_json({**state, "resources": here.resources})
        else:
            print_up(output, here.target, here.resources, page_url=url)
            if url:
                pages.open_in_browser(url)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            local.wait(here, served, progress)
        except KeyboardInterrupt:
            progress.print("Stopping")


@local_app.command("env")
def local_env(
    shell: Annotated[Shell, typer.Option(help="Whose commands to print.")] = "posix",
    as_json: Json = False,
) -> None:
    """Print what makes the AWS CLI and SDKs talk to the local cloud: eval "$(mlops local env)"."""
    with errors(as_json):
        values = environment.variables()
        if as_json:
            print_json(values)
        else:
            print_text(environment.commands(values, shell))


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
    from cli.follow import follow, raise_for_failure, what_became_of
    from cli.render import print_end, run_document
    from cli.upload import upload as put
    from tracking.runs import RunReader

    with errors(as_json):
        target = find_target(where=on, stage=stage)
        sent = put(target, model=model, file=file)
        progress.say(f"Uploaded {file} to s3://{sent.bucket}/{sent.key} ({target.where}), run {sent.run_id}")
        earlier = RunReader(target.place, model=model).read(sent.run_id)
        if earlier.final:
            progress.say(what_became_of(earlier, sent.key))
        if not wait:
            if as_json:
                print_json({**asdict(sent), "repeated": earlier.final})
            return
        run = follow(target, model=model, run_id=sent.run_id, console=progress, timeout=2 * 3600, earlier=earlier)
        raise_for_failure(target, run)
        show({**run_document(run), "repeated": earlier.final}, as_json, lambda: print_end(output, run))


@app.command()
def runs(
    run_id: Annotated[str | None, typer.Argument(help="Show one run and its steps.")] = None,
    model: AnyModel = None,
    stage: Stage = None,
    on: On = None,
    as_json: Json = False,
) -> None:
    """List what became of every upload, newest first, or show one run."""
    from cli.render import print_run, print_runs, run_document
    from cli.runs import all_runs, find_run

    with errors(as_json):
        target = find_target(where=on, stage=stage, model=model)
        if run_id:
            run = find_run(target, model=model, run_id=run_id)
            show(run_document(run), as_json, lambda: print_run(output, run))
        else:
            found = all_runs(target, model)
            show({"runs": [run_document(run) for run in found]}, as_json, lambda: print_runs(output, found))


@app.command()
def retry(
    run_id: Annotated[str, typer.Argument(help="The run whose data set to train on again.")],
    begin: Annotated[
        Literal["etl", "training"], typer.Option("--from", help="etl: make the data set anew, from the uploaded file.")
    ] = "training",
    fresh: Annotated[bool, typer.Option("--fresh", help="Take no step's result from the cache.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    model: AnyModel = None,
    stage: Stage = None,
    on: On = None,
    as_json: Json = False,
) -> None:
    """Train again on a run's data set, or make that anew first, after what made it fail was mended."""
    from cli.etl import run_etl_again
    from cli.follow import follow, raise_for_failure
    from cli.render import print_end, run_document
    from cli.runs import check_ended, doubt, find_run
    from cli.runs import retry as start

    with errors(as_json):
        target = find_target(where=on, stage=stage, model=model)
        earlier = find_run(target, model=model, run_id=run_id)
        if not yes and (words := doubt(earlier)):
            confirm(f"{words} Train on the same data again?")
        before = None
        if begin == "etl":
            check_ended(earlier)
            before = run_etl_again(target, earlier)
            run_id = _said(before.run_id, run_id)
        else:
            start(target, earlier, fresh=fresh)
        run = follow(target, model=earlier.model, run_id=run_id, console=progress, timeout=2 * 3600, earlier=before)
        raise_for_failure(target, run)
        show(run_document(run), as_json, lambda: print_end(output, run))


def _said(made: str, asked: str) -> str:
    """The run that is made."""
    if made != asked:
        progress.say(f"By the present contract and code its file is another run: {made}")
    return made


@app.command()
def destroy(
    stage: Annotated[str, typer.Option("--env", help="The environment: dev or prod.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before removing what is not retained.")] = False,
    delete_retained: Annotated[
        list[str] | None,
        typer.Option(
            "--delete-retained",
            metavar="NAME",
            help="Also delete this for good: a bucket, a model's versions, ... that are retained. Once for each; "
            "asks for the environment's name, with --yes too.",
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="Only what still runs of this model, which was removed.")
    ] = None,
    on: On = None,
    as_json: Json = False,
) -> None:
    """Take an environment down: its stacks, and what the platform made while it ran. Protected data stay."""
    from cli import teardown
    from cli.protection import is_protected

    with errors(as_json):
        target = find_target(where=on, stage=stage)
        if model is not None:
            _destroy_model(target, model, delete_retained or (), yes=yes, as_json=as_json)
            return
        protected = is_protected(stage)
        teardown.check_unprotected(target)
        things = teardown.inventory(target, protected=protected)
        for_good = teardown.chosen([thing for thing in things if thing.kept], delete_retained or ())
        _print_plan(things, for_good)
        if not yes:
            confirm(f"Remove {stage} ({target.where})?")
        if for_good:
            confirm_by_name(f"{len(for_good)} retained things would be deleted for good.", stage)
        kept = teardown.destroy(
            target,
            protected=protected,
            for_good=for_good,
            on_step=lambda step: progress.say(f"Removing {step}"),
        )
        removed = [thing.name for thing in things if not thing.kept or teardown.goes_with(thing, for_good)]
        document = {"removed": removed, "kept": [thing.name for thing in kept]}
        show(document, as_json, lambda: output.say(f"{stage} is gone; {len(kept)} things were retained."))


def _destroy_model(target: Target, model: str, delete_retained: Sequence[str], *, yes: bool, as_json: bool) -> None:
    from cli import disposal, removed, teardown

    found, kept = removed.left_of(target, model)
    for_good = teardown.chosen(kept, delete_retained)
    _print_plan([*found.things(), *kept], for_good)
    if not yes:
        confirm(f"End {model} in {target.stage} ({target.where})?")
    if for_good:
        confirm_by_name(f"{len(for_good)} retained things would be deleted for good.", target.stage)
    removed.end(target, model, found, on_step=lambda step: progress.say(f"Removing {step}"))
    disposal.remove_all(target, for_good)
    left = [thing for thing in kept if not teardown.goes_with(thing, for_good)]
    gone = [thing.name for thing in (*found.things(), *kept) if thing not in left]
    document = {"removed": gone, "kept": [thing.name for thing in left]}
    show(document, as_json, lambda: output.say(f"{model} is gone; {len(left)} things were retained."))


def _print_plan(things: Iterable[Thing], for_good: Sequence[Thing]) -> None:
    from cli import teardown

    for thing in things:
        fate = "delete" if teardown.goes_with(thing, for_good) else "keep  " if thing.kept else "remove"
        progress.say(f"  {fate} {thing.kind} {thing.name}", indent=4)


@app.command()
def predict(
    model: Model = DEFAULT_MODEL,
    values: Annotated[
        list[str] | None, typer.Option("--set", help="name=value, name= for unknown; others keep the example's value.")
    ] = None,
    file: Annotated[Path | None, typer.Option(help="A JSON file: one record or a list of records.")] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Also say what drove each prediction.")] = False,
    stage: Stage = None,
    on: On = None,
    as_json: Json = False,
) -> None:
    """Ask the REST API for predictions."""
    from cli.records import Told, assumed, records_to_ask
    from cli.render import explanation_table, prediction_text

    with errors(as_json):
        target: Target = find_target(where=on, stage=stage, model=model)
        told = Told(api.model_document(target, model))
        instances = records_to_ask(told, file=file, values=values or [])
        answer = api.predict(target, model=model, instances=instances, explain=explain)
        if as_json:
            print_json(answer)
            return
        for prediction in answer["predictions"]:
            output.say(prediction_text(prediction))
            if explain:
                output.print(explanation_table(prediction["explanation"]))
        if not file and (words := assumed(told, instances[0], values or [])):
            output.say(words, style="dim")


def main() -> None:
    """Entry point: exit code 0, 1 for what a message explains, 2 for wrong arguments."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)  # as an exception, so that processes and folders of the command go too
    tolerate_encodings()
    app(prog_name="mlops")


def _end(number: int, _frame: object) -> None:
    sys.exit(128 + number)
