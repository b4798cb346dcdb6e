"""Asking for another training of a run, and finding a run by its id."""

from __future__ import annotations

import json
import shlex
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

from cli.errors import CliError
from cli.options import of_model
from cli.target import Target
from tracking.run import Run
from tracking.runs import RunReader, list_runs

START_TIMEOUT = 60.0  # from the request for a training to its pipeline execution


def doubt(run: Run) -> str:
    """Why a person should think before the run is tried again, "" for no reason: it has a version that came to an end.

    The same data and code make the same version once more.
    """
    if run.model_version is None or run.state not in ("rejected", "superseded"):
        return ""
    return f"Run {run.run_id} made version {run.model_version}, which is {run.state}: {run.reason.rstrip('.')}."


def retry(target: Target, run: Run) -> str:
    """Start the pipeline again on the run's data set; steps that nothing changed for come from the cache.

    Returns the ARN of the execution. Raises CliError when there is no data set, or nothing that a retry would change.
    """
    if not run.final and not run.overdue:
        since = f" since {run.since.astimezone():%b %d %H:%M}" if run.since else ""
        raise CliError(f"Run {run.run_id} is under way ({run.state}{since}).", "Wait for its end.")
    if run.state == "deploying":
        raise CliError(
            f"Run {run.run_id} made version {run.model_version}, which is not live yet. {run.reason}",
            f"Bring it to the endpoint: mlops deploy {run.model}",
        )
    if run.manifest is None:
        raise CliError(
            f"Run {run.run_id} has no data set to train on: {run.reason.rstrip('.')}.",
            f"Upload the corrected file: mlops upload {shlex.quote(run.file.rsplit('/', 1)[-1])}{of_model(run.model)}",
        )
    if run.state in ("live", "waiting"):
        raise CliError(f"There is nothing to retry: run {run.run_id} is {run.state}. {run.reason}")
    return train_again(target, model=run.model, run_id=run.run_id)


def train_again(target: Target, *, model: str, run_id: str) -> str:
    """Ask for another training on the run's data set. Returns the ARN of its execution.

    Raises CliError when none appears.
    """
    reader, bus = RunReader(target.place, model=model), target.client("events")
    before = reader.execution_arn(run_id)
    detail = {"model": model, "run_id": run_id, "attempt": uuid.uuid4().hex[:12]}
    entry = {"Source": target.event_source, "DetailType": "Training Requested", "Detail": json.dumps(detail)}
    bus.put_events(Entries=[entry])
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        found = reader.execution_arn(run_id)
        if found and found != before:
            return found
        time.sleep(0.3)
    raise CliError(f"No training of run {run_id} started within {START_TIMEOUT:.0f} s.", "Read start_training's log.")


def find_run(target: Target, *, model: str | None, run_id: str) -> Run:
    """The run, of whichever model has it when none is named. Raises CliError when no upload has this id."""
    for name in [model] if model else _models_with(target, run_id):
        run = RunReader(target.place, model=name).read(run_id)
        if run.steps or run.state != "uploaded":
            return run
    raise CliError(f"There is no run {run_id}{f' of {model}' if model else ''}.", "List them: mlops runs.")


def _models_with(target: Target, run_id: str) -> list[str]:
    """The models that have a folder for the run: ids do not come twice."""
    s3, bucket = target.client("s3"), target.place.processed_bucket

    def has(model: str) -> bool:
        return bool(s3.list_objects_v2(Bucket=bucket, Prefix=f"{model}/run={run_id}/", MaxKeys=1).get("KeyCount"))

    with ThreadPoolExecutor(8) as pool:
        return [model for model, there in zip(target.models, pool.map(has, target.models), strict=True) if there]


def all_runs(target: Target, model: str | None) -> list[Run]:
    """Of the model, or of all models when none is named, newest first."""
    names = [model] if model else target.models
    with ThreadPoolExecutor(4) as pool:
        found = [run for runs in pool.map(lambda name: list_runs(target.place, model=name), names) for run in runs]
    return sorted(found, key=lambda run: run.started.timestamp() if run.started else 0.0, reverse=True)
