"""Job runs: start within the concurrency limit, attempts, stop, and the events of their ends."""

import logging
import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from localcloud import platform
from localcloud.errors import OperationError
from localcloud.glue import execution, records
from localcloud.glue.execution import Outcome
from localcloud.glue.records import ENDED, JobRun

DEFAULT_TIMEOUT_MINUTES = 480
SEVERITY = {"SUCCEEDED": "INFO", "STOPPED": "INFO", "TIMEOUT": "WARN", "FAILED": "ERROR"}
MESSAGE = {"SUCCEEDED": "Job run succeeded", "STOPPED": "Job run stopped"}

logger = logging.getLogger("localcloud")


@dataclass(frozen=True)
class Start:
    """What starts a run: its own arguments, the trigger and workflow run behind it, limits that replace the job's."""

    job_name: str
    arguments: Mapping[str, str]
    trigger: str | None = None
    workflow: str | None = None
    workflow_run: str | None = None
    timeout: int | None = None


def start(request: Start) -> tuple[JobRun, Future[JobRun]]:
    """Begin a run; the future holds its last attempt when it has ended.

    Raises OperationError: EntityNotFoundException, ConcurrentRunsExceededException.
    """
    job = records.job(request.job_name)
    limit = int((job.get("ExecutionProperty") or {}).get("MaxConcurrentRuns", 1))
    with records.lock:
        active = [run for run in records.job_runs(request.job_name) if run["JobRunState"] not in ENDED]
        if len(active) >= limit:
            message = f"Concurrent runs exceeded for {request.job_name}"
            raise OperationError("ConcurrentRunsExceededException", message)
        run = _new_run(job, request, attempt=0, run_id=records.new_id("jr"))
    ended: Future[JobRun] = Future()
    platform.spawn(_run_attempts, job, run, request, ended)
    return run, ended


def stop(run: JobRun) -> None:
    """Raises OperationError when the run has ended already."""
    if run["JobRunState"] in ENDED:
        message = f"Job run {run['Id']} is in state {run['JobRunState']}"
        raise OperationError("InvalidInputException", message)
    records.set_state(run, "STOPPING")
    execution.request_stop(run)


def attempts(first: JobRun) -> list[JobRun]:
    """A run and its repetitions, in order."""
    own = (first["Id"], f"{first['Id']}_attempt_")
    return [run for run in records.job_runs(first["JobName"]) if run["Id"] == own[0] or run["Id"].startswith(own[1])]


def merged_arguments(job: Mapping[str, Any], request: Start) -> dict[str, str]:
    """The arguments of a run: the job's own ones, and what its start says otherwise."""
    merged = {**(job.get("DefaultArguments") or {}), **request.arguments, **(job.get("NonOverridableArguments") or {})}
    return {key: str(value) for key, value in merged.items()}


def script_arguments(job: Mapping[str, Any], run: JobRun, request: Start) -> dict[str, str]:
    """What the script finds in sys.argv, in Glue's order: the run's identity, then the merged arguments."""
    identity = {"--JOB_NAME": request.job_name, "--JOB_RUN_ID": run["Id"]}
    if request.workflow and request.workflow_run:
        identity |= {"--WORKFLOW_NAME": request.workflow, "--WORKFLOW_RUN_ID": request.workflow_run}
    return {**identity, **merged_arguments(job, request)}


def _new_run(job: dict[str, Any], request: Start, *, attempt: int, run_id: str) -> JobRun:
    now = time.time()
    run = JobRun(
        Id=run_id,
        Attempt=attempt,
        JobName=request.job_name,
        StartedOn=now,
        LastModifiedOn=now,
        JobRunState="STARTING",
        Arguments=dict(request.arguments),
        ExecutionTime=0,
        Timeout=int(request.timeout or job.get("Timeout") or DEFAULT_TIMEOUT_MINUTES),
        LogGroupName=execution.log_groups(job, merged_arguments(job, request)),
        GlueVersion=str(job.get("GlueVersion", "5.1")),
        WorkerType=str(job.get("WorkerType", "G.1X")),
        NumberOfWorkers=int(job.get("NumberOfWorkers") or 2),
        ExecutionClass=str(job.get("ExecutionClass", "STANDARD")),
    )
    if job.get("SecurityConfiguration"):
        run["SecurityConfiguration"] = str(job["SecurityConfiguration"])
    if request.trigger:
        run["TriggerName"] = request.trigger
    records.job_runs(request.job_name).append(run)
    return run


def _run_attempts(job: dict[str, Any], run: JobRun, request: Start, ended: Future[JobRun]) -> None:
    """A failed run is attempted again, MaxRetries times; a stopped or timed out run is not."""
    retries = int(job.get("MaxRetries") or 0)
    first = run["Id"]
    while True:
        _finish(run, _attempt(dict(job), run, request))
        if run["JobRunState"] != "FAILED" or run["Attempt"] >= retries:
            break
        attempt = run["Attempt"] + 1
        previous = run["Id"]
        run = _new_run(job, request, attempt=attempt, run_id=f"{first}_attempt_{attempt}")
        run["PreviousRunId"] = previous
    ended.set_result(run)


def _attempt(job: dict[str, Any], run: JobRun, request: Start) -> Outcome:
    try:
        return execution.run_attempt(job, run, script_arguments(job, run, request))
    except Exception as error:
        # A fault of the local cloud itself must end the run too, or its workflow would wait for ever.
        logger.exception("Glue run %s", run["Id"])
        return Outcome("FAILED", f"InternalServiceException: {type(error).__name__}: {error}")


def _finish(run: JobRun, outcome: Outcome) -> None:
    records.set_state(run, outcome.state, outcome.message)
    detail = {
        "jobName": run["JobName"],
        "severity": SEVERITY[outcome.state],
        "state": outcome.state,
        "jobRunId": run["Id"],
        "message": outcome.message or MESSAGE[outcome.state],
    }
    platform.emit("aws.glue", "Glue Job State Change", detail)
