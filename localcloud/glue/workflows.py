"""Workflow runs: start within the limit, fire triggers as jobs end, stop, run properties."""

import logging
import queue
import threading
import time
from collections import Counter
from typing import Any

from localcloud import platform
from localcloud.errors import OperationError
from localcloud.glue import jobs, records, triggers
from localcloud.glue.records import ENDED, JobRun, WorkflowRun
from localcloud.glue.triggers import Trigger

ACTIVE = frozenset({"RUNNING", "STOPPING"})
STATISTICS = {
    "SucceededActions": "SUCCEEDED",
    "FailedActions": "FAILED",
    "TimeoutActions": "TIMEOUT",
    "StoppedActions": "STOPPED",
    "ErroredActions": "ERROR",
}

logger = logging.getLogger("localcloud")
_progress: dict[str, "Progress"] = {}


class Progress:
    """What a workflow run has done so far: its graph, and the run that each job started with."""

    def __init__(self, name: str) -> None:
        self.triggers = triggers.of_workflow(name)
        self.started: dict[str, JobRun] = {}
        self.ended: dict[str, str] = {}
        self.stopping = threading.Event()

    def job_runs(self, job_name: str) -> list[JobRun]:
        """The attempts of a job in this workflow run, [] before it started."""
        first = self.started.get(job_name)
        if first is None:
            return []
        return jobs.attempts(first) if "Id" in first else [first]

    def statistics(self) -> dict[str, int]:
        last = Counter(self.job_runs(name)[-1]["JobRunState"] for name in list(self.started))
        running = sum(count for state, count in last.items() if state not in ENDED)
        total = sum(len(triggers.actions(trigger)) for trigger in self.triggers)
        counts = {member: last[state] for member, state in STATISTICS.items()}
        return {"TotalActions": total, "RunningActions": running, "WaitingActions": 0, **counts}


def progress(run: WorkflowRun) -> Progress:
    return _progress[run["WorkflowRunId"]]


def start(name: str, properties: dict[str, str]) -> WorkflowRun:
    """Raises OperationError: EntityNotFound, ConcurrentRunsExceeded, IllegalWorkflowState (nothing starts it)."""
    workflow = records.workflow(name)
    limit = int(workflow.get("MaxConcurrentRuns") or 0)
    with records.lock:
        active = [run for run in records.workflow_runs(name) if run["Status"] in ACTIVE]
        if limit and len(active) >= limit:
            message = f"Concurrent runs exceeded for workflow {name}"
            raise OperationError("ConcurrentRunsExceededException", message)
        made = Progress(name)
        if not any(triggers.starts(trigger) for trigger in made.triggers):
            raise OperationError("IllegalWorkflowStateException", f"Workflow {name} has no trigger that starts it")
        run = WorkflowRun(
            Name=name,
            WorkflowRunId=records.new_id("wr"),
            WorkflowRunProperties={**(workflow.get("DefaultRunProperties") or {}), **properties},
            StartedOn=time.time(),
            Status="RUNNING",
        )
        records.workflow_runs(name).append(run)
        _progress[run["WorkflowRunId"]] = made
    platform.spawn(_run_to_end, run, made)
    return run


def stop(run: WorkflowRun) -> None:
    """Raises OperationError when the run has ended already."""
    made = progress(run)
    # Under the lock of starting: an action is either in `started` by now or will see that we stop.
    with records.lock:
        if run["Status"] not in ACTIVE:
            message = f"Workflow run {run['WorkflowRunId']} is in state {run['Status']}"
            raise OperationError("IllegalWorkflowStateException", message)
        run["Status"] = "STOPPING"
        made.stopping.set()
        for name in made.started:
            last = made.job_runs(name)[-1]
            if last["JobRunState"] not in ENDED:
                jobs.stop(last)


def put_properties(run: WorkflowRun, properties: dict[str, str]) -> None:
    """Given values replace those of the same name; the others stay."""
    run["WorkflowRunProperties"] = {**run["WorkflowRunProperties"], **properties}


def _run_to_end(run: WorkflowRun, made: Progress) -> None:
    try:
        _drive(run, made)
    except Exception as error:
        # A fault of the local cloud itself: a run that never ended would hold its place for ever.
        logger.exception("workflow run %s", run["WorkflowRunId"])
        _end(run, "ERROR", f"{type(error).__name__}: {error}")
    else:
        _end(run, "STOPPED" if made.stopping.is_set() else "COMPLETED")


def _end(run: WorkflowRun, status: str, message: str = "") -> None:
    with records.lock:
        run["CompletedOn"] = time.time()
        if message:
            run["ErrorMessage"] = message
        run["Status"] = status


def _drive(run: WorkflowRun, made: Progress) -> None:
    """Fire the starting triggers, then each conditional one whose predicate the ended jobs meet, until nothing runs."""
    ended: queue.SimpleQueue[JobRun] = queue.SimpleQueue()
    waiting = [trigger for trigger in made.triggers if not triggers.starts(trigger)]
    running = sum(_fire(trigger, run, made, ended) for trigger in made.triggers if triggers.starts(trigger))
    while running:
        job_run = ended.get()
        running -= 1
        made.ended[job_run["JobName"]] = job_run["JobRunState"]
        for trigger in [candidate for candidate in waiting if triggers.is_met(candidate, made.ended)]:
            waiting.remove(trigger)
            running += _fire(trigger, run, made, ended)


def _fire(trigger: Trigger, run: WorkflowRun, made: Progress, ended: "queue.SimpleQueue[JobRun]") -> int:
    """Start every action of a trigger; returns how many of them will report their end."""
    with records.lock:
        if made.stopping.is_set():
            return 0
        return sum(_start_action(action, trigger, run, made, ended) for action in triggers.actions(trigger))


def _start_action(
    action: dict[str, Any], trigger: Trigger, run: WorkflowRun, made: Progress, ended: "queue.SimpleQueue[JobRun]"
) -> bool:
    request = jobs.Start(
        job_name=action["JobName"],
        arguments=action.get("Arguments") or {},
        trigger=trigger["Name"],
        workflow=run["Name"],
        workflow_run=run["WorkflowRunId"],
        timeout=action.get("Timeout"),
    )
    try:
        job_run, future = jobs.start(request)
    except OperationError as error:
        made.started[request.job_name] = _not_started(request, error)
        return False
    made.started[request.job_name] = job_run
    future.add_done_callback(lambda done: ended.put(done.result()))
    return True


def _not_started(request: jobs.Start, error: OperationError) -> JobRun:
    """On Glue an action that cannot start its job is in the graph as a run in state ERROR."""
    logger.warning("workflow %s cannot start job %s: %s", request.workflow, request.job_name, error.message)
    return JobRun(
        JobName=request.job_name,
        JobRunState="ERROR",
        StartedOn=time.time(),
        ErrorMessage=f"{error.code}: {error.message}",
    )
