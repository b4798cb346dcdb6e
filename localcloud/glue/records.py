"""Runs of jobs and workflows as the API shows them, kept in MiniStack's own stores."""

import secrets
import threading
import time
from typing import Any, TypedDict

from localcloud.errors import OperationError
from localcloud.ministack import glue

ENDED = frozenset({"SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT", "ERROR"})

# Starting compares a count with a limit and then adds to it: one at a time.
lock = threading.RLock()


class JobRun(TypedDict, total=False):
    """One attempt of a job, in the members of the API's JobRun."""

    Id: str
    Attempt: int
    PreviousRunId: str
    TriggerName: str
    JobName: str
    StartedOn: float
    LastModifiedOn: float
    CompletedOn: float
    JobRunState: str
    Arguments: dict[str, str]
    ErrorMessage: str
    AllocatedCapacity: int
    MaxCapacity: float
    ExecutionTime: int
    Timeout: int
    WorkerType: str
    NumberOfWorkers: int
    SecurityConfiguration: str
    LogGroupName: str
    GlueVersion: str
    ExecutionClass: str


class WorkflowRun(TypedDict, total=False):
    """One run of a workflow, in the members of the API's WorkflowRun; Statistics and Graph are computed on reading."""

    Name: str
    WorkflowRunId: str
    WorkflowRunProperties: dict[str, str]
    StartedOn: float
    CompletedOn: float
    Status: str
    ErrorMessage: str


def new_id(prefix: str) -> str:
    """An identifier in Glue's form: `jr_` or `wr_` and 64 hexadecimal digits."""
    return f"{prefix}_{secrets.token_hex(32)}"


def job(name: str) -> dict[str, Any]:
    found = glue.jobs().get(name)
    if found is None:
        raise OperationError("EntityNotFoundException", f"Failed to start job run due to missing metadata: {name}")
    return dict(found)


def job_runs(name: str) -> list[JobRun]:
    """The runs of a job, oldest first; the stored list itself."""
    return glue.job_runs(name)


def job_run(name: str, run_id: str) -> JobRun:
    for run in job_runs(name):
        if run["Id"] == run_id:
            return run
    raise OperationError("EntityNotFoundException", f"Job run {run_id} of job {name} not found")


def workflow(name: str) -> dict[str, Any]:
    found = glue.workflows().get(name)
    if found is None:
        raise OperationError("EntityNotFoundException", f"Entity not found: workflow {name}")
    return dict(found)


def workflow_runs(name: str) -> list[WorkflowRun]:
    """The runs of a workflow, oldest first; the stored list itself."""
    return glue.workflow_runs(name)


def workflow_run(name: str, run_id: str) -> WorkflowRun:
    workflow(name)
    for run in workflow_runs(name):
        if run["WorkflowRunId"] == run_id:
            return run
    raise OperationError("EntityNotFoundException", f"Entity not found: run {run_id} of workflow {name}")


def set_state(run: JobRun, state: str, message: str = "") -> None:
    now = time.time()
    run["JobRunState"] = state
    run["LastModifiedOn"] = now
    if message:
        run["ErrorMessage"] = message
    if state in ENDED:
        run["CompletedOn"] = now
        run["ExecutionTime"] = int(now - run["StartedOn"])
