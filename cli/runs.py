"""Asking for another training of a run, and finding a run by its id."""

from __future__ import annotations

import json
import time
import uuid

from cli.errors import CliError
from cli.target import Target
from tracking.run import Run
from tracking.runs import RunReader

START_TIMEOUT = 60.0  # from the request for a training to its pipeline execution


def retry(target: Target, run: Run) -> str:
    """Start the pipeline again on the run's data set; steps that nothing changed for come from the cache.

    Returns the ARN of the execution. Raises CliError when there is no data set, or nothing that a retry would change.
    """
    if not run.final:
        raise CliError(f"Run {run.run_id} is under way ({run.state}).", "Wait for its end.")
    if run.manifest is None:
        raise CliError(
            f"Run {run.run_id} has no data set to train on: {run.reason.rstrip('.')}.",
            f"Upload the corrected file: mlops upload {run.file.rsplit('/', 1)[-1]}.",
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


def find_run(target: Target, *, model: str, run_id: str) -> Run:
    """The run. Raises CliError when no upload has this id."""
    run = RunReader(target.place, model=model).read(run_id)
    if not run.steps and run.state == "uploaded":
        raise CliError(f"There is no run {run_id} of {model}.", "List them: mlops runs.")
    return run
