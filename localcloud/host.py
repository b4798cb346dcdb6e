"""The local cloud as a child process of this one: start it, talk to it, end it."""

import json
import os
import selectors
import signal
import subprocess
import sys
from contextlib import closing
from functools import cached_property
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlencode

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from localcloud import sessions
from localcloud.door.keys import Keys, read_keys
from localcloud.private import open_private, private_folder
from localcloud.process import kill_left

START_SECONDS = 30.0
STOP_SECONDS = 10.0
TAIL_LINES = 30
ADMINISTRATION = "localcloud"


class LocalCloudError(RuntimeError):
    """The local cloud did not start, or ended by itself; the message holds the end of its log."""


class LocalCloud:
    """A local cloud with its state in `state_dir`. Use it as a context manager, or `start()` and `stop()`."""

    def __init__(
        self,
        *,
        state_dir: Path,
        port: int = 0,
        account: str = "000000000000",
        region: str = "us-east-1",
        lambda_python: Path | None = None,
    ) -> None:
        self.state_dir = state_dir
        self.region = region
        self.account = account
        self.endpoint = ""
        self._port = port
        self._lambda_python = lambda_python
        self._child: subprocess.Popen[str] | None = None
        self._keys: Keys | None = None
        self._clients: dict[str, Any] = {}

    @property
    def log_file(self) -> Path:
        return self.state_dir / "localcloud.log"

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the server and wait until it accepts connections. Raises LocalCloudError."""
        private_folder(self.state_dir)
        with open_private(self.log_file) as log:
            self._child = subprocess.Popen(
                self._command(),
                cwd=Path(__file__).resolve().parent.parent,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                # A Ctrl-C in the terminal is for the caller, which stops the server in its own time.
                start_new_session=True,
            )
        ready = self._read_ready()
        self._keys = read_keys(Path(ready["credentials"]))
        self.endpoint = ready["endpoint"]

    def _command(self) -> list[str]:
        command = [sys.executable, "-m", "localcloud", "serve", "--state", str(self.state_dir.resolve())]
        command += ["--port", str(self._port), "--account", self.account, "--region", self.region]
        command += ["--parent-pid", str(os.getpid())]
        return command + (["--lambda-python", str(self._lambda_python)] if self._lambda_python else [])

    def _read_ready(self) -> dict[str, Any]:
        assert self._child is not None and self._child.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._child.stdout, selectors.EVENT_READ)
            answered = selector.select(START_SECONDS)
        line = self._child.stdout.readline() if answered else ""
        if not line:
            self.stop()
            if not answered:
                raise LocalCloudError(f"The local cloud was not ready after {START_SECONDS:.0f} s.\n{self.log_tail()}")
            *log, reason = self.log_tail().splitlines() or ["it ended"]
            raise LocalCloudError("\n".join([f"The local cloud did not start: {reason}", *log]))
        ready: dict[str, Any] = json.loads(line)
        return ready

    def log_tail(self) -> str:
        lines = self.log_file.read_text(errors="replace").splitlines() if self.log_file.exists() else []
        return "\n".join(lines[-TAIL_LINES:])

    def check(self) -> None:
        """Raise LocalCloudError when the server is no longer running."""
        if self._child is None:
            raise LocalCloudError("The local cloud is not running.")
        status = self._child.poll()
        if status is not None:
            how = f"was killed ({signal.Signals(-status).name})" if status < 0 else f"ended with exit code {status}"
            raise LocalCloudError(f"The local cloud {how}.\n{self.log_tail()}")

    def stop(self) -> None:
        """End the server and every process that it started."""
        child, self._child = self._child, None
        if child is None:
            return
        child.terminate()
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        if child.stdout:
            child.stdout.close()
        if child.returncode:
            kill_left(self.state_dir)  # it was killed, and could not end them itself

    @property
    def keys(self) -> Keys:
        """The deployer's own, who is root; they end with the local cloud. Raises LocalCloudError before it started."""
        if self._keys is None:
            raise LocalCloudError("The local cloud is not running.")
        return self._keys

    def session(self) -> boto3.Session:
        """A session of the deployer; pass `endpoint_url=cloud.endpoint` to its clients."""
        return sessions.session(self.keys.access_key, self.keys.secret_key, region=self.region)

    def client(self, service: str) -> Any:
        """The deployer's client of a service at this local cloud, made once."""
        if service not in self._clients:
            self._clients[service] = self._session.client(service, endpoint_url=self.endpoint)
        return self._clients[service]

    @cached_property
    def _session(self) -> boto3.Session:
        return self.session()

    def calls(self) -> dict[str, Any]:
        """Every call that roles made: {"roles": {name: {made, denied, actions}}, "denied": [...]}."""
        return self._admin("GET", "/_localcloud/calls")

    def reset_calls(self) -> None:
        self._admin("DELETE", "/_localcloud/calls")

    def unused(self) -> dict[str, Any]:
        """Grants that no call needed: {"actions": [...], "resources": [...]}."""
        return self._admin("GET", "/_localcloud/unused")

    def unread(self) -> dict[str, Any]:
        """Properties of templates that nothing looked at: {resource type: [names]}."""
        return self._admin("GET", "/_localcloud/unread")

    def types(self) -> frozenset[str]:
        """The resource types that the local cloud provisions."""
        return frozenset(self._admin("GET", "/_localcloud/types")["types"])

    def lose(self, *, source: str, detail_type: str, containing: str = "", count: int = 1) -> None:
        """The next events of this kind whose detail holds the text do not arrive."""
        wanted = {"source": source, "detail-type": detail_type, "containing": containing, "count": count}
        self._admin("POST", f"/_localcloud/losses?{urlencode(wanted, quote_via=quote)}")

    def losses(self) -> dict[str, Any]:
        """{"lost": [events that did not arrive], "pending": how many more are not going to}."""
        return self._admin("GET", "/_localcloud/losses")

    def forget_losses(self) -> None:
        """From here on everything arrives again."""
        self._admin("DELETE", "/_localcloud/losses")

    def _admin(self, method: str, path: str) -> dict[str, Any]:
        request = AWSRequest(method=method, url=f"{self.endpoint}{path}")
        SigV4Auth(self.session().get_credentials(), ADMINISTRATION, self.region).add_auth(request)
        with closing(HTTPConnection(self.endpoint.removeprefix("http://"), timeout=10)) as connection:
            connection.request(method, path, headers=dict(request.headers.items()))
            answer = connection.getresponse()
            text = answer.read()
        if answer.status == 403:
            raise LocalCloudError(f"The local cloud refuses {method} {path}: {text.decode(errors='replace')}")
        content: dict[str, Any] = json.loads(text)
        return content
