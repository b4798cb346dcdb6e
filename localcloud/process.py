"""Child processes of the local cloud: own process group, clean environment, streamed output, killed at shutdown."""

import contextlib
import contextvars
import logging
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

LogSink = Callable[[Sequence[str]], None]

BATCH_SECONDS = 0.2
BATCH_LINES = 500
TAIL_LINES = 60
STOP_GRACE_SECONDS = 2.0
# What signalling a process group raises when it has ended. macOS forbids it while the last of them waits to be reaped.
GONE = (ProcessLookupError, PermissionError)

logger = logging.getLogger("localcloud")
_running: set["Process"] = set()
_running_lock = threading.Lock()
_closed = threading.Event()


class ShuttingDownError(RuntimeError):
    """The local cloud ends: no process starts any more."""


@dataclass(frozen=True)
class ProcessResult:
    """How a process ended: exit status (negative: signal), its last lines, whether its time ran out."""

    returncode: int
    tail: tuple[str, ...]
    timed_out: bool


def base_environment(cwd: Path) -> dict[str, str]:
    """What every process gets besides its own variables: nothing of the host's configuration or credentials."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(cwd),
        "LANG": "C.UTF-8",
        "TMPDIR": tempfile.gettempdir(),
        "TZ": "UTC",
        "PYTHONUNBUFFERED": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
        # Spinning OpenMP threads make a fit ten times slower on a busy machine; results are the same.
        "OMP_WAIT_POLICY": "PASSIVE",
    }


class _Reader(threading.Thread):
    """Reads one pipe to its end and hands its lines to a sink in batches."""

    def __init__(self, pipe: IO[bytes], sink: LogSink | None, tail: deque[str]) -> None:
        super().__init__(daemon=True)
        self._pipe = pipe
        self._sink = sink
        self._tail = tail
        self._batch: list[str] = []
        self._lock = threading.Lock()
        # Not `_context`, which is what Thread itself runs in since Python 3.14.
        self._caller = contextvars.copy_context()
        self.error: Exception | None = None

    def run(self) -> None:
        flusher = threading.Thread(target=self._flush_regularly, daemon=True)
        if self._sink:
            flusher.start()
        for raw in iter(self._pipe.readline, b""):
            line = raw.decode("utf-8", errors="replace").rstrip("\r\n")
            self._tail.append(line)
            with self._lock:
                self._batch.append(line)
                full = len(self._batch) >= BATCH_LINES
            if full:
                self._flush()
        self._pipe.close()
        self._flush()

    def _flush_regularly(self) -> None:
        while not self._pipe.closed:
            time.sleep(BATCH_SECONDS)
            self._flush()

    def _flush(self) -> None:
        with self._lock:
            batch, self._batch = self._batch, []
            if not batch or not self._sink or self.error:
                return
            try:
                self._caller.run(self._sink, batch)
            except Exception as error:  # noqa: BLE001 - kept, and raised by wait(): the pipe must be drained meanwhile
                self.error = error


class Process:
    """A running child. `wait()` for its result, `stop()` to end it and everything it started."""

    def __init__(
        self,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str],
        cwd: Path,
        log: LogSink | None = None,
        error_log: LogSink | None = None,
    ) -> None:
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._stopped = threading.Event()
        if _closed.is_set():
            raise ShuttingDownError(f"not started: {argv[0]}")
        self._child = subprocess.Popen(
            [str(item) for item in argv],
            env={**base_environment(cwd), **env},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if error_log else subprocess.STDOUT,
            start_new_session=True,
        )
        with _running_lock:
            _running.add(self)
        note_group(self._child.pid)
        pipes = [(self._child.stdout, log), (self._child.stderr, error_log)]
        self._readers = [_Reader(pipe, sink, self._tail) for pipe, sink in pipes if pipe is not None]
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def running(self) -> bool:
        return self._child.poll() is None

    @property
    def tail(self) -> tuple[str, ...]:
        return tuple(self._tail)

    @property
    def stopped(self) -> bool:
        """True when `stop()` was asked for, whatever the exit status says."""
        return self._stopped.is_set()

    def wait(self, timeout: float | None = None) -> ProcessResult:
        """Wait for the end, at most `timeout` seconds (then it is killed). Raises what the log sink raised."""
        timed_out = False
        try:
            self._child.wait(timeout)
        except subprocess.TimeoutExpired:
            timed_out = True
            self.stop()
        self._signal(signal.SIGKILL)  # what the child left behind in its group
        for reader in self._readers:
            reader.join(STOP_GRACE_SECONDS)
        with _running_lock:
            _running.discard(self)
        forget_group(self._child.pid)
        for reader in self._readers:
            if reader.error:
                raise reader.error
        return ProcessResult(returncode=self._child.returncode, tail=self.tail + self._killed(), timed_out=timed_out)

    def _killed(self) -> tuple[str, ...]:
        code = self._child.returncode
        if code >= 0 or self.stopped:
            return ()
        return (f"The process was killed from outside ({signal.Signals(-code).name})",)

    def join(self, seconds: float) -> None:
        """Wait for the end, at most so long, and leave the process alone."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(seconds)

    def stop(self, grace: float = STOP_GRACE_SECONDS) -> None:
        """End the process group: SIGTERM, then SIGKILL after `grace` seconds."""
        self._stopped.set()
        self._signal(signal.SIGTERM)
        try:
            self._child.wait(grace)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._child.wait()

    def kill(self) -> None:
        """SIGKILL to the whole group, without waiting."""
        self._stopped.set()
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        try:
            os.killpg(self._child.pid, number)
        except GONE:
            logger.debug("process group %s is gone", self._child.pid)


def _groups(state: Path) -> Path:
    return state / "processes"


def note_group(pid: int) -> None:
    """Write the process group down, so that `kill_left` finds it when this process dies without a word."""
    if state := os.environ.get("LOCALCLOUD_STATE"):
        folder = _groups(Path(state))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / str(pid)).touch()


def forget_group(pid: int) -> None:
    if state := os.environ.get("LOCALCLOUD_STATE"):
        (_groups(Path(state)) / str(pid)).unlink(missing_ok=True)


def kill_left(state: Path) -> None:
    """End the process groups that a server with this state folder left behind: for its host, after it was killed."""
    for entry in _groups(state).glob("*"):
        try:
            os.killpg(int(entry.name), signal.SIGKILL)
        except GONE:
            logger.debug("process group %s is gone", entry.name)


def run_process(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    cwd: Path,
    log: LogSink | None = None,
    error_log: LogSink | None = None,
    timeout: float | None = None,
) -> ProcessResult:
    """Run to the end. `log` receives batches of lines; stderr goes there too unless `error_log` is given."""
    return Process(argv, env=env, cwd=cwd, log=log, error_log=error_log).wait(timeout)


def kill_all() -> None:
    """End every process that is still running, and let none start: the host calls this when it shuts down."""
    _closed.set()
    with _running_lock:
        remaining = tuple(_running)
        _running.clear()
    for process in remaining:
        process.kill()
