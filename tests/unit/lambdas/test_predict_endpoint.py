"""InvokeEndpoint without a boto3 client: signed and understood as boto3 would."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.unit.lambdas.loading import AWS, ROOT, load_function
from tests.unit.lambdas.test_predict import ENVIRONMENT

BODY = b'{"instances": [{"a": 1}]}'


class Server(HTTPServer):
    """Gives the same answer to every request, and keeps the requests."""

    answer: tuple[int, dict[str, str], bytes] = (200, {}, b"")
    requests: list[tuple[str, dict[str, str], bytes]]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        status, headers, content = self.server.answer
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self) -> None:
        self.headers["Content-Length"] = "0"
        self.do_POST()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on stderr."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as server:
        server.requests = []
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def module() -> SimpleNamespace:
    return load_function("predict", ENVIRONMENT).endpoint


@pytest.fixture
def ours(module: SimpleNamespace, server: Server) -> Iterator[Any]:
    credentials = module.Credentials("AKID", "secret", "token")
    endpoints = module.Endpoints(f"http://127.0.0.1:{server.server_port}", "eu-west-1", credentials, timeout=5.0)
    yield endpoints
    endpoints.pool.clear()


@pytest.fixture
def theirs(server: Server) -> Iterator[Any]:
    client = boto3.client(
        "sagemaker-runtime",
        region_name="eu-west-1",
        endpoint_url=f"http://127.0.0.1:{server.server_port}",
        aws_access_key_id="AKID",
        aws_secret_access_key="secret",
        aws_session_token="token",
        config=Config(retries={"total_max_attempts": 1}),
    )
    yield client
    client.close()


def test_a_request_is_what_boto3_sends(ours: Any, theirs: Any, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for headers that tell of boto3. That the signature holds, the local cloud checks."""
    server.answer = (200, {"Content-Type": "application/json"}, b'{"ok": 1}')
    assert ours.invoke("a-model", BODY, target="m/6.tar.gz") == b'{"ok": 1}'
    sent = {"ContentType": "application/json", "Accept": "application/json", "TargetModel": "m/6.tar.gz", "Body": BODY}
    assert theirs.invoke_endpoint(EndpointName="a-model", **sent)["Body"].read() == b'{"ok": 1}'
    (path, headers, body), (their_path, their_headers, their_body) = server.requests
    assert (path, body) == (their_path, their_body)
    for name in ("content-type", "accept", "x-amz-security-token", "x-amzn-sagemaker-target-model"):
        assert headers[name] == their_headers[name]
    scope, their_scope = (h["authorization"].split("/", 1)[1].split(",")[0] for h in (headers, their_headers))
    assert scope == their_scope
    assert scope.endswith("/eu-west-1/sagemaker/aws4_request")


@pytest.mark.parametrize(
    ("headers", "document"),
    [
        (
            {"x-amzn-ErrorType": "ModelError:http://internal.amazon.com/coral/"},
            {"Message": "m", "OriginalMessage": "original", "OriginalStatusCode": 400},
        ),
        ({"x-amzn-ErrorType": "ValidationError"}, {"message": "Endpoint x not found."}),
        ({}, {"__type": "com.amazonaws#ThrottlingException", "message": "slow down"}),
    ],
)
def test_an_error_is_what_boto3_understands(
    module: SimpleNamespace, ours: Any, theirs: Any, server: Server, headers: dict[str, str], document: dict[str, Any]
) -> None:
    server.answer = (424, {**headers, "Content-Type": "application/json"}, json.dumps(document).encode())
    with pytest.raises(ClientError) as expected:
        theirs.invoke_endpoint(EndpointName="x", ContentType="application/json", Body=BODY)
    with pytest.raises(module.InvocationError) as found:
        ours.invoke("x", BODY)
    response, error = expected.value.response, found.value
    assert (error.code, error.message) == (response["Error"]["Code"], response["Error"]["Message"])
    assert error.original == response.get("OriginalMessage", "")
    assert error.original_status == response.get("OriginalStatusCode")


@pytest.mark.parametrize("content", [b"<html>", b"[]", b""])
def test_an_error_that_is_no_json_has_a_code_all_the_same(
    module: SimpleNamespace, ours: Any, server: Server, content: bytes
) -> None:
    server.answer = (500, {}, content)
    with pytest.raises(module.InvocationError) as found:
        ours.invoke("x", BODY)
    assert found.value.code == "Unknown"


def test_no_connection_is_no_timeout(module: SimpleNamespace) -> None:
    endpoints = module.Endpoints("http://127.0.0.1:1", "eu-west-1", module.Credentials("a", "b"), timeout=1.0)
    with pytest.raises(module.UnreachableError):
        endpoints.invoke("x", BODY)


class Breaking:
    """Takes connections; how each request ends is a step of `script`: break it off, stay silent, or answer."""

    def __init__(self, *script: str) -> None:
        self.script, self.requests = list(script), 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._silent: list[socket.socket] = []
        self._thread = Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while self.script:
            connection, _ = self._listener.accept()
            while self.script and connection.recv(65536):
                self.requests += 1
                step = self.script.pop(0)
                if step == "break":
                    break
                if step == "silence":
                    self._silent.append(connection.dup())
                    break
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            connection.close()

    def close(self) -> None:
        self._thread.join(5)
        for connection in (*self._silent, self._listener):
            connection.close()


def asked(module: SimpleNamespace, server: Breaking, times: int = 1, timeout: float = 5.0) -> bytes:
    url = f"http://127.0.0.1:{server.port}"
    endpoints = module.Endpoints(url, "eu-west-1", module.Credentials("a", "b"), timeout=timeout)
    try:
        for _ in range(times):
            answer = endpoints.invoke("x", BODY)
        return answer
    finally:
        endpoints.pool.clear()
        server.close()


def test_a_kept_connection_that_died_is_replaced(module: SimpleNamespace) -> None:
    server = Breaking("answer", "break", "answer")
    assert asked(module, server, times=2) == b"{}"
    assert server.requests == 3


def test_a_connection_that_breaks_twice_is_told(module: SimpleNamespace) -> None:
    server = Breaking("break", "break")
    with pytest.raises(module.UnreachableError):
        asked(module, server)
    assert server.requests == 2


def test_silence_is_a_timeout_and_is_not_asked_again(module: SimpleNamespace) -> None:
    server = Breaking("silence")
    with pytest.raises(module.TimedOutError):
        asked(module, server, timeout=0.2)
    assert server.requests == 1


def test_secrets_are_not_shown(module: SimpleNamespace) -> None:
    assert repr(module.Credentials("AKID", "hidden", "hidden")) == "Credentials(access_key='AKID')"


def test_there_is_one_attempt(module: SimpleNamespace, ours: Any, server: Server) -> None:
    server.answer = (503, {"x-amzn-ErrorType": "ServiceUnavailable"}, b"{}")
    with pytest.raises(module.InvocationError):
        ours.invoke("x", BODY)
    assert len(server.requests) == 1


def test_timeout_and_address_are_those_of_the_environment() -> None:
    endpoints = load_function("predict", ENVIRONMENT).handler.endpoints
    assert (endpoints.timeout, endpoints.url) == (25, ENVIRONMENT["RUNTIME_URL"])


def test_predict_starts_without_what_takes_long_to_import() -> None:
    """`./dev bench predict_start` measures it; this holds it where a clock would not."""
    code = "import sys, predict.handler; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    path = os.pathsep.join(str(ROOT / "assets" / part) for part in ("shared/python", "lambda"))
    environment = {**os.environ, **AWS, **ENVIRONMENT, "PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert {"botocore", "urllib3", "contract"} <= loaded
    assert loaded & {"boto3", "s3transfer", "jmespath", "pydantic", "numpy", "multiprocessing"} == set()
