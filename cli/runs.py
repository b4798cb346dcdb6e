"""Asking for another training of a run, and finding a run by its id."""

from __future__ import annotations

import json
import shlex
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from cli import given_up
from cli.errors import CliError
from cli.function_logs import function_logs
from cli.options import of_model
from cli.target import Target
from tracking.logs import Line, lines_naming
from tracking.run import Run
from tracking.runs import RunReader, list_runs

START_TIMEOUT = 60.0  # from the request for a training to its pipeline execution
PAUSE_SECONDS = {"local": 0.3, "aws": 3.0}
STARTER = "StartTraining"  # in the templates


def doubt(run: Run) -> str:
    """Why a person should think before the run is tried again, "" for no reason: it has a version that came to an end.

    The same data and code make the same version once more.
    """
    if run.model_version is None or run.state not in ("rejected", "superseded"):
        return ""
    return f"Run {run.run_id} made version {run.model_version}, which is {run.state}: {run.reason.rstrip('.')}."


def check_ended(run: Run) -> None:
    """Raises CliError for a run that goes on. One that is in its state for longer than it takes does not."""
    if not run.final and not run.overdue:
        since = f" since {run.since.astimezone():%b %d %H:%M}" if run.since else ""
        raise CliError(f"Run {run.run_id} is under way ({run.state}{since}).", "Wait for its end.")


def retry(target: Target, run: Run, *, fresh: bool = False) -> str:
    """Start the pipeline again on the run's data set; steps that nothing changed for come from the cache.

    `fresh`: none does. Returns the ARN of the execution, "" when what was given up of the run goes on where it was.
    Raises CliError when there is no data set, or nothing that a retry would change.
    """
    check_ended(run)
    if run.state == "deploying":
        raise CliError(
            f"Run {run.run_id} made version {run.model_version}, which is not live yet. {run.reason}",
            f"Bring it to the endpoint: mlops deploy {run.model}",
        )
    if run.state == "failed" and not fresh and given_up.put_back(target, run):
        return ""
    if run.manifest is None and run.state != "refused":
        raise CliError(
            f"Run {run.run_id} has no data set to train on: {run.reason.rstrip('.')}.",
            f"Make it: mlops retry {run.run_id} --from etl",
        )
    if run.manifest is None:
        raise CliError(
            f"Run {run.run_id} has no data set to train on: {run.reason.rstrip('.')}.",
            f"Upload the corrected file: mlops upload {shlex.quote(run.file.rsplit('/', 1)[-1])}{of_model(run.model)}",
        )
    if run.state in ("live", "waiting") and not fresh:
        raise CliError(
            f"There is nothing to retry: run {run.run_id} is {run.state}. {run.reason}",
            f"To train all the same: mlops retry {run.run_id} --fresh",
        )
    return train_again(target, model=run.model, run_id=run.run_id, fresh=fresh)


def train_again(target: Target, *, model: str, run_id: str, fresh: bool = False) -> str:
    """Ask for another training on the run's data set. Returns the ARN of its execution.

    Raises CliError when none appears, with what start_training said.
    """
    reader, bus = RunReader(target.place, model=model), target.client("events")
    before = reader.execution_arn(run_id)
    attempt = uuid.uuid4().hex[:12]
    detail = {"model": model, "run_id": run_id, "attempt": attempt, "fresh": fresh}
    entry = {"Source": target.event_source, "DetailType": "Training Requested", "Detail": json.dumps(detail)}
    bus.put_events(Entries=[entry])
    groups = {name: group for name, group in function_logs(target).items() if name.endswith(STARTER)}
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        found = reader.execution_arn(run_id)
        if found and found != before:
            return found
        if why := failure_in(lines_naming(target.place, attempt, functions=groups)):
            again = f"mlops retry {run_id}{' --fresh' if fresh else ''}"
            raise CliError(f"No training of run {run_id} started: {why}.", f"Mend it, then: {again}")
        time.sleep(PAUSE_SECONDS[target.where])
    raise CliError(
        f"No training of run {run_id} started within {START_TIMEOUT:.0f} s.",
        f"Read what was logged: mlops logs {run_id}",
    )


def failure_in(found: Sequence[Line]) -> str:
    """The error that the last of the lines tells, "" when none does."""
    told = [line.record for line in found if line.record.get("level") == "ERROR"]
    return str(told[-1].get("error") or told[-1].get("message", "")).rstrip(".") if told else ""


def find_run(target: Target, *, model: str | None, run_id: str) -> Run:
    """The run, of whichever model has it when none is named. Raises CliError when no upload has this id."""
    for name in [model] if model else _models_with(target, run_id):
        run = RunReader(target.place, model=name).read(run_id)
        if run.steps or run.state != "uploaded":
            return given_up.seen(target, run)
    if found := given_up.unknown(target, run_id, model=model):
        return found
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

    def since(run: Run) -> float:
        moment = run.started or run.uploaded
        return moment.timestamp() if moment else 0.0

    return sorted(found, key=since, reverse=True)
