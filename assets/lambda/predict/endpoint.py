"""InvokeEndpoint without a boto3 client, which would be half of the time that a new function takes to start.

Signing is botocore's, the connection urllib3's. Credentials are those of the environment, as Lambda gives them for
as long as the process lives.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

SERVICE = "sagemaker"


@dataclass(frozen=True)
class Credentials:
    """In the names that botocore's signer reads."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str | None = field(repr=False, default=None)


class TimedOutError(Exception):
    """No answer in time."""


class UnreachableError(Exception):
    """No connection, or one that broke twice."""


@dataclass(eq=False)
class InvocationError(Exception):
    """What SageMaker answers when it does not predict. `original` is the container's own message."""

    code: str
    message: str
    original: str = ""
    original_status: int | None = None


@dataclass(frozen=True)
class Endpoints:
    """`url` is that of the service, without a path; `timeout` is in seconds."""

    url: str
    region: str
    credentials: Credentials
    timeout: float
    # No further attempts: a client that gets 503 knows when to come back, and API Gateway waits for no more than one.
    pool: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(retries=False, maxsize=2))

    def invoke(self, name: str, body: bytes, *, target: str | None = None) -> bytes:
        """The answer of the endpoint `name`, JSON for JSON. Raises TimedOutError, UnreachableError, InvocationError.

        `target`: the artifact that is asked, at a multi-model endpoint.
        """
        request = self._signed(name, body, target)
        try:
            answer = self._answer(request, body)
        except urllib3.exceptions.NewConnectionError as error:
            raise UnreachableError(str(error)) from error
        except urllib3.exceptions.TimeoutError as error:
            raise TimedOutError(str(error)) from error
        except urllib3.exceptions.HTTPError as error:
            raise UnreachableError(str(error)) from error
        if answer.status != 200:
            raise _error(answer.headers, answer.data)
        return bytes(answer.data)

    def _answer(self, request: Any, body: bytes) -> urllib3.BaseHTTPResponse:
        began = time.monotonic()
        try:
            return self._post(request, body, self.timeout)
        except urllib3.exceptions.ProtocolError:
            # A connection that was kept may have died while the function was frozen. A new one gets the time that is
            # left: a model that takes all of it and breaks off is not asked for as long again.
            return self._post(request, body, max(self.timeout - (time.monotonic() - began), 0.1))

    def _post(self, request: Any, body: bytes, seconds: float) -> urllib3.BaseHTTPResponse:
        timeout = urllib3.Timeout(connect=min(3.0, seconds), read=seconds)
        return self.pool.request("POST", request.url, body=body, headers=dict(request.headers.items()), timeout=timeout)

    def _signed(self, name: str, body: bytes, target: str | None) -> Any:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if target:
            headers["X-Amzn-SageMaker-Target-Model"] = target
        url = f"{self.url}/endpoints/{quote(name, safe='')}/invocations"
        request = AWSRequest(method="POST", url=url, data=body, headers=headers)
        SigV4Auth(self.credentials, SERVICE, self.region).add_auth(request)
        return request


def _error(headers: Mapping[str, str], body: bytes) -> InvocationError:
    """From the REST JSON protocol: the code in a header, the rest in the body."""
    try:
        document = json.loads(body)
    except ValueError:
        document = {}
    if not isinstance(document, dict):
        document = {}
    code = headers.get("x-amzn-errortype") or document.get("__type") or "Unknown"
    return InvocationError(
        code=str(code).partition(":")[0].rpartition("#")[2],
        message=str(document.get("message") or document.get("Message") or ""),
        original=str(document.get("OriginalMessage") or ""),
        original_status=document.get("OriginalStatusCode"),
    )
