"""One execution environment of a Lambda function: a process in a clean interpreter, reused while it is warm."""

import contextlib
import hashlib
import io
import json
import os
import queue
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from localcloud import lambda_bootstrap, roles
from localcloud.context import endpoint, state_dir
from localcloud.errors import OperationError
from localcloud.lambda_pipes import LogLine, Pipes
from localcloud.ministack import functions
from localcloud.process import GONE, base_environment

INIT_SECONDS = 30.0
# A process takes a core until it has loaded its handler. On AWS each has one of its own: here a burst of events must
# not start so many that none comes up in time.
_starting = threading.BoundedSemaphore((os.cpu_count() or 1) + 1)

Config = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What one invocation gave: the result or Lambda's error payload, its log, and what it cost."""

    result: Any = None
    error: Mapping[str, Any] | None = None
    log: tuple[LogLine, ...] = ()
    init_seconds: float | None = None
    memory_mb: int = 0


class Environment(functions.Worker):  # type: ignore[misc]
    """Takes the place of MiniStack's worker in its pool, which leases, reuses and reaps environments."""

    interpreter: Path

    def __init__(self, func_name: str, config: Config, code_zip: bytes) -> None:
        super().__init__(func_name, config, code_zip)
        self.log_group = self.log_stream = ""
        self._revision = ""
        self._pipes = Pipes()

    def run(self, config: Config, event: Any, *, request_id: str, trace_id: str | None) -> Outcome:
        """Run one invocation; starts the process first when there is none, or one of an older configuration."""
        with self._lock:
            self.config = config
            if self._revision != config.get("RevisionId", ""):
                self.stop()
            started = time.monotonic()
            cold = self._proc is None or self._proc.poll() is not None
            if cold:
                with _starting:
                    started = time.monotonic()
                    failed = self._start()
                if failed:
                    return failed
            init_seconds = time.monotonic() - started if cold else None
            timeout = float(config.get("Timeout", 3))
            invocation = {
                "request_id": request_id,
                "trace_id": trace_id,
                "function_arn": config["FunctionArn"],
                "timeout": timeout,
            }
            self._send({"event": event, "invocation": invocation})
            return self._await(request_id, timeout, init_seconds)

    def _await(self, request_id: str, timeout: float, init_seconds: float | None) -> Outcome:
        try:
            answer = self._pipes.answers.get(timeout=timeout)
        except queue.Empty:
            self.stop()
            message = f"Task timed out after {timeout:.2f} seconds"
            return self._broken("Sandbox.Timedout", f"RequestId: {request_id} Error: {message}", init_seconds)
        if answer is None:
            status = self.stop()
            message = f"RequestId: {request_id} Error: Runtime exited with error: exit status {status}"
            return self._broken("Runtime.ExitError", message, init_seconds)
        return self._outcome(answer, init_seconds)

    def _outcome(self, answer: Mapping[str, Any], init_seconds: float | None) -> Outcome:
        return Outcome(
            result=answer.get("result"),
            error=answer.get("error"),
            log=self._pipes.take_log(),
            init_seconds=init_seconds,
            memory_mb=answer["memory_mb"],
        )

    def _broken(self, kind: str, message: str, init_seconds: float | None) -> Outcome:
        """The process is gone; its last words and the reason go to the log."""
        log = (*self._pipes.take_log(), (int(time.time() * 1000), message))
        return Outcome(error={"errorType": kind, "errorMessage": message}, log=log, init_seconds=init_seconds)

    def _start(self) -> Outcome | None:
        """Start the process and load the handler; an Outcome when that fails."""
        self._spawn()
        try:
            answer = self._pipes.answers.get(timeout=INIT_SECONDS)
        except queue.Empty:
            self.stop()
            return self._broken("Sandbox.Timedout", f"Init timed out after {INIT_SECONDS:.0f} seconds", None)
        if answer is None:
            return self._broken("Runtime.ExitError", f"Runtime exited with error: exit status {self.stop()}", None)
        if "error" in answer:
            outcome = self._outcome(answer, None)
            self.stop()
            return outcome
        self._pipes.await_log()
        return None

    def _spawn(self) -> None:
        """MiniStack's pool calls this too, to warm an environment."""
        self._discard_tmpdir()
        self._revision = self.config.get("RevisionId", "")
        self.log_group, self.log_stream = log_group(self.config), log_stream(self.config)
        self._tmpdir = tempfile.mkdtemp(prefix="lambda-", dir=state_dir())
        code = unpacked(self.code_zip)
        layers = [unpacked(layer) for layer in self._layers()]
        self._pipes = Pipes()
        self._proc: Any = subprocess.Popen(
            [str(self.interpreter), "-I", "-X", f"pycache_prefix={bytecode()}", lambda_bootstrap.__file__],
            env=self._variables(code, Path(self._tmpdir)),
            cwd=code,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._pipes.read(self._proc)
        self._send([str(code), *(str(layer / "python") for layer in layers)])
        self._cold = False

    def _layers(self) -> list[bytes]:
        found = []
        for layer in self.config.get("Layers", []):
            content = functions.layer_content(layer)
            if content is None:
                raise OperationError("InvalidParameterValueException", f"Layer {layer} has no content")
            found.append(content)
        return found

    def _variables(self, code: Path, scratch: Path) -> dict[str, str]:
        config = self.config
        logging_config = config.get("LoggingConfig") or {}
        log_format = logging_config.get("LogFormat", "Text")
        level = {"AWS_LAMBDA_LOG_LEVEL": logging_config.get("ApplicationLogLevel", "INFO")}
        own = config.get("Environment", {}).get("Variables", {})
        return {
            **base_environment(scratch),
            "TMPDIR": str(scratch),
            **{name: str(value) for name, value in own.items()},
            **roles.role_credentials(config["Role"], config["FunctionName"][:64], service="lambda.amazonaws.com"),
            "AWS_ENDPOINT_URL": own.get("AWS_ENDPOINT_URL", endpoint()),
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{config.get('Runtime', 'python')}",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.get("MemorySize", 128)),
            "AWS_LAMBDA_FUNCTION_NAME": config["FunctionName"],
            "AWS_LAMBDA_FUNCTION_VERSION": config.get("Version", "$LATEST"),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_FORMAT": log_format,
            "AWS_LAMBDA_LOG_GROUP_NAME": self.log_group,
            "AWS_LAMBDA_LOG_STREAM_NAME": self.log_stream,
            "LAMBDA_TASK_ROOT": str(code),
            "_HANDLER": config["Handler"],
            **(level if log_format == "JSON" else {}),
        }

    def _send(self, message: Any) -> None:
        pipe: Any = self._proc.stdin
        # A process that is gone shows on its answer pipe, with its exit status.
        with contextlib.suppress(BrokenPipeError):
            pipe.write(json.dumps(message).encode() + b"\n")
            pipe.flush()

    def stop(self) -> int:
        """Kill the process and what it started; its exit status."""
        child, self._proc = self._proc, None
        if child is None:
            return 0
        kill_group(child)
        return int(child.wait())


def kill_group(child: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(*GONE):
        os.killpg(child.pid, signal.SIGKILL)


def log_group(config: Config) -> str:
    return str((config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{config['FunctionName']}")


def log_stream(config: Config) -> str:
    return f"{datetime.now(UTC):%Y/%m/%d}/[{config.get('Version', '$LATEST')}]{secrets.token_hex(16)}"


def bytecode() -> Path:
    """Where the processes keep what they compile, for each other: a bundle stays as it was uploaded."""
    return state_dir() / "lambda-bytecode"


_unpacking = threading.Lock()


def unpacked(content: bytes) -> Path:
    """A folder with the content of a zip, shared by all environments that use it."""
    folder = state_dir() / "lambda" / hashlib.sha256(content).hexdigest()[:24]
    with _unpacking:
        if not folder.exists():
            partial = folder.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                archive.extractall(partial)
            partial.rename(folder)
    return folder
