"""A processing, training or transform job: what is known of it, its status, its process."""

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localcloud.process import LogSink, Process, ProcessResult
from localcloud.sagemaker import events, shapes
from localcloud.sagemaker.container import Workspace
from localcloud.sagemaker.joblogs import LogStream
from localcloud.sagemaker.naming import now

REASON_LENGTH = 1024
# On AWS each job has an instance of its own. Here those of a burst take turns, a little more than there are cores.
_instances = threading.BoundedSemaphore((os.cpu_count() or 1) + 1)
TURN_SECONDS = 0.2
ENDED = frozenset({"Completed", "Failed", "Stopped"})
Json = dict[str, Any]


class JobFailed(Exception):  # noqa: N818 - a state of the job
    """The job ends Failed with this reason."""


class JobStopped(Exception):  # noqa: N818 - see JobFailed
    """The job ends Stopped: somebody stopped it, or its time ran out."""

    def __init__(self, secondary: str) -> None:
        super().__init__(secondary)
        self.secondary = secondary


@dataclass(frozen=True)
class Kind:
    """What tells the kinds of jobs apart."""

    name: str
    run: Callable[["Job"], None]
    check: Callable[[Json], None]
    """Refuses what the local SageMaker does not support."""
    defaults: Callable[[Json], Json]

    @property
    def resource(self) -> str:
        return f"{self.name.lower()}-job"


@dataclass
class Job:
    kind: Kind
    request: Json
    record: Json
    """What Describe shows."""
    finished: threading.Event = field(default_factory=threading.Event)
    stopping: threading.Event = field(default_factory=threading.Event)
    lock: threading.RLock = field(default_factory=threading.RLock)
    """Held for every change of status: a job that has ended does not become Stopping."""
    workspace: Workspace = field(init=False)
    process: Process | None = None

    def __post_init__(self) -> None:
        self.workspace = Workspace.create(f"{self.kind.resource}/{self.name}")

    @property
    def name(self) -> str:
        return str(self.record[f"{self.kind.name}JobName"])

    @property
    def arn(self) -> str:
        return str(self.record[f"{self.kind.name}JobArn"])

    @property
    def role(self) -> str:
        return str(self.record["RoleArn"])

    @property
    def status(self) -> str:
        return str(self.record[f"{self.kind.name}JobStatus"])

    def log_stream(self) -> LogStream:
        return LogStream(f"/aws/sagemaker/{self.kind.name}Jobs", f"{self.name}/algo-1-{int(now())}", self.role)

    def phase(self, secondary: str) -> None:
        """A secondary status of a training job; the other kinds have none. Ends the job when it is to stop."""
        if self.stopping.is_set():
            raise JobStopped("Stopped")
        if self.kind.name == "Training":
            self._transition(secondary)
            events.job_changed(self.kind.name, self.description())

    def execute(
        self, argv: list[str], *, env: Mapping[str, str], cwd: Path, log: LogSink, seconds: float
    ) -> ProcessResult:
        """Run the container's process. Raises JobStopped when the job is stopped or its time runs out."""
        while not _instances.acquire(timeout=TURN_SECONDS):
            if self.stopping.is_set():
                raise JobStopped("Stopped")
        try:
            self.process = Process(argv, env=env, cwd=cwd, log=log)
            if self.stopping.is_set():
                self.process.stop()
            result = self.process.wait(seconds)
        finally:
            _instances.release()
        if self.stopping.is_set():
            raise JobStopped("Stopped")
        if result.timed_out:
            raise JobStopped("MaxRuntimeExceeded")
        return result

    def description(self) -> Json:
        # A copy: the job's thread goes on changing the record.
        return shapes.response(f"Describe{self.kind.name}Job", dict(self.record))

    def change(self, status: str, *, secondary: str = "", reason: str = "") -> None:
        """A new status; an event tells the world."""
        moment, kind = now(), self.kind.name
        with self.lock:
            self.record |= {f"{kind}JobStatus": status, "LastModifiedTime": moment}
            if status in ENDED:
                self.record[f"{kind}EndTime"] = moment
            if reason:
                self.record["FailureReason"] = reason[:REASON_LENGTH]
            if kind == "Training":
                self._transition(secondary or status)
            events.job_changed(kind, self.description())

    def stop(self) -> None:
        """Ask the job to end; nothing happens to one that has."""
        with self.lock:
            if self.status in ENDED or self.stopping.is_set():
                return
            self.stopping.set()
            self.change("Stopping")
        if self.process is not None:
            self.process.stop()

    def _transition(self, secondary: str) -> None:
        moment = now()
        transitions = self.record.setdefault("SecondaryStatusTransitions", [])
        if transitions:
            transitions[-1]["EndTime"] = moment
        transitions.append({"Status": secondary, "StartTime": moment})
        self.record |= {"SecondaryStatus": secondary, "LastModifiedTime": moment}
