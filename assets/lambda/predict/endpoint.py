"""InvokeEndpoint without a boto3 client, which would be half of the time that a new function takes to start.

Signing is botocore's, the connection urllib3's. Credentials are those of the environment, as Lambda gives them for
as long as the process lives.
"""

from __future__ import annotations

import json
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
    """No answer in time, or no connection."""


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
    # One attempt: a client that gets 503 knows when to come back, and API Gateway would not wait for a second one.
    pool: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(retries=False, maxsize=2))

    def invoke(self, name: str, body: bytes, *, target: str | None = None) -> bytes:
        """The answer of the endpoint `name`, JSON for JSON. Raises TimedOutError and InvocationError.

        `target`: the artifact that is asked, at a multi-model endpoint.
        """
        request = self._signed(name, body, target)
        timeout = urllib3.Timeout(connect=3.0, read=self.timeout)
        try:
            answer = self.pool.request(
                "POST", request.url, body=body, headers=dict(request.headers.items()), timeout=timeout
            )
        except urllib3.exceptions.HTTPError as error:
            raise TimedOutError(str(error)) from error
        if answer.status != 200:
            raise _error(answer.headers, answer.data)
        return bytes(answer.data)

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
