"""GetObject without a boto3 client, as `endpoint.py` invokes: an object of the artifact bucket as text."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import urllib3
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest

from predict.endpoint import Credentials
from rest.problems import ProblemError, unavailable

log = logging.getLogger("predict")

TIMEOUT = urllib3.Timeout(connect=1.0, read=1.0)


@dataclass(frozen=True)
class Objects:
    """`url` is that of the bucket."""

    url: str
    region: str
    credentials: Credentials
    pool: urllib3.PoolManager

    def text(self, key: str) -> str | None:
        """None for an object that there is not. Raises ProblemError."""
        request = AWSRequest(method="GET", url=f"{self.url}/{quote(key)}")
        S3SigV4Auth(self.credentials, "s3", self.region).add_auth(request)
        try:
            answer = self._answer(request)
        except urllib3.exceptions.HTTPError as error:
            raise _unavailable(str(error)) from error
        # Who may not list a bucket is told 403 of what is not there.
        if answer.status in (403, 404):
            return None
        if answer.status != 200:
            raise _unavailable(f"S3 answers {answer.status}")
        return bytes(answer.data).decode()

    def _answer(self, request: Any) -> urllib3.BaseHTTPResponse:
        headers = dict(request.headers.items())
        try:
            return self.pool.request("GET", request.url, headers=headers, timeout=TIMEOUT)
        except urllib3.exceptions.ProtocolError:
            # A connection that was kept may have died while the function was frozen.
            return self.pool.request("GET", request.url, headers=headers, timeout=TIMEOUT)


def _unavailable(reason: str) -> ProblemError:
    log.warning("Object not read", extra={"reason": reason})
    return unavailable("What this key is for cannot be read now")
