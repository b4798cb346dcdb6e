"""A model's server process: prepared and started as the model's execution role, asked over loopback."""

import secrets
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import urllib3

from localcloud.process import Process
from localcloud.sagemaker import archives, container, images, s3io
from localcloud.sagemaker.container import Workspace
from localcloud.sagemaker.joblogs import LogStream, tail_text
from localcloud.sagemaker.models import ServedContainer
from localcloud.sagemaker.serving import KEY_HEADER, KEY_VARIABLE

SERVER = Path(__file__).with_name("serving.py")
POLL_SECONDS = 0.01
DRAIN_SECONDS = 5.0
INVOCATION_SECONDS = 60.0
CRASH_SECONDS = 0.5


class Unhealthy(Exception):  # noqa: N818 - a state rather than a fault of the program
    """The container did not become healthy; the message says why."""


class Gone(Exception):  # noqa: N818 - see Unhealthy
    """The server is being replaced: ask the one that took its place."""


class ModelServer:
    def __init__(
        self,
        served: ServedContainer,
        workspace: Workspace,
        log: LogStream,
        *,
        invocation_seconds: float = INVOCATION_SECONDS,
    ) -> None:
        self.log = log
        self._invocation_seconds = invocation_seconds
        self._served = served
        self._workspace = workspace
        self._process: Process | None = None
        self._pool: urllib3.HTTPConnectionPool | None = None
        self._changed = threading.Condition()
        self._starting = threading.Lock()
        self._startup_seconds = 0.0
        self._busy = 0
        self._stopping = False
        self._key = secrets.token_urlsafe()

    def start(self, seconds: float) -> None:
        """Pull, download, unpack, start, and wait for a healthy ping. Raises Unhealthy, TransferError, AccessDenied."""
        self._startup_seconds = seconds
        self._prepare()
        self._launch()

    def _launch(self) -> None:
        port_file = self._workspace.folder / "port"
        port_file.unlink(missing_ok=True)
        self._process = Process(
            [sys.executable, "-P", SERVER, self._workspace.folder / "model", port_file],
            env={
                **container.environment(
                    self._served.role, self._workspace, self._variables(), isolated=self._served.isolated
                ),
                KEY_VARIABLE: self._key,
            },
            cwd=self._workspace.folder,
            log=self.log,
        )
        self._wait(port_file, time.monotonic() + self._startup_seconds)

    def _prepare(self) -> None:
        images.check_pull(self._served.role, self._served.image)
        model = self._workspace.folder / "model"
        model.mkdir()
        self._unpack(self._served.artifact, model)
        source = self._served.environment.get("SAGEMAKER_SUBMIT_DIRECTORY", "")
        if source.startswith("s3://"):
            self._unpack(source, self._workspace.folder / "code")

    def _unpack(self, uri: str, folder: Path) -> None:
        if not uri:
            return
        archive = self._workspace.folder / "download.tar.gz"
        s3io.fetch(s3io.client(self._served.role), s3io.Location.parse(uri), archive)
        archives.unpack(archive, folder)
        archive.unlink()

    def _variables(self) -> Mapping[str, str]:
        variables = dict(self._served.environment)
        if self._served.multi_model:
            variables["SAGEMAKER_MULTI_MODEL"] = "true"
        if variables.get("SAGEMAKER_SUBMIT_DIRECTORY", "").startswith("s3://"):
            variables["SAGEMAKER_SUBMIT_DIRECTORY"] = str(self._workspace.folder / "code")
        return variables

    def _wait(self, port_file: Path, deadline: float) -> None:
        while self._process is not None and self._process.running and time.monotonic() < deadline:
            if port_file.is_file():
                self._pool = urllib3.HTTPConnectionPool(
                    "127.0.0.1", int(port_file.read_text()), maxsize=64, timeout=self._invocation_seconds, retries=False
                )
                if self._pool.request("GET", "/ping", headers={KEY_HEADER: self._key}).status == 200:
                    return
            time.sleep(POLL_SECONDS)
        tail = self._process.wait(0).tail if self._process is not None else ()
        raise Unhealthy(f"did not pass the ping health check. Please check CloudWatch logs. {tail_text(tail)}".strip())

    def invoke(self, body: bytes, headers: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
        """Raises Gone, or urllib3.exceptions.HTTPError or Unhealthy when the process does not answer."""
        with self._changed:
            if self._stopping or self._process is None:
                raise Gone
            self._busy += 1
        try:
            return self._running_pool().request(
                "POST", "/invocations", body=body, headers={**headers, KEY_HEADER: self._key}
            )
        except urllib3.exceptions.ProtocolError:
            # A process that crashed takes a moment to end; the next request finds it ended.
            self._process.join(CRASH_SECONDS)
            raise
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()

    def _running_pool(self) -> urllib3.HTTPConnectionPool:
        """The connections to the process; one that has crashed is started again first, as SageMaker does it."""
        with self._starting:
            if self._process is not None and not self._process.running and not self._stopping:
                self.log([f"The model server ended with status {self._process.wait().returncode}; it starts again."])
                self._launch()
            if self._pool is None:
                raise Unhealthy("is not running")
            return self._pool

    def stop(self) -> None:
        """End the process after the requests that it is answering."""
        with self._changed:
            if self._stopping:
                return
            self._stopping = True
            self._changed.wait_for(lambda: self._busy == 0, DRAIN_SECONDS)
        if self._process is not None:
            self._process.stop()
            self._process.wait()
        if self._pool is not None:
            self._pool.close()
        self._workspace.remove()
