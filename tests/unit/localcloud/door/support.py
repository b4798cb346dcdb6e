"""Requests as botocore signs them, and as the door gets them."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch
from urllib.parse import unquote, urlsplit

import botocore.auth
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from localcloud.door import payloads, signatures, verification
from localcloud.door.request import Request
from localcloud.door.verification import Signer

HOST = "127.0.0.1:4599"
KEY, SECRET = "AKIAOFATEST", "the secret of a test"
SIGNER = Signer(secret=SECRET, root=True)


def signed(
    target: str = "/",
    *,
    method: str = "GET",
    body: bytes = b"",
    service: str = "s3",
    region: str = "us-east-1",
    expires: int | None = None,
    minutes: float = 0,
    declared: str | None = None,
    **headers: str,
) -> Request:
    """What a client sends that signs by botocore, so many minutes from now; presigned with `expires`.

    `declared` is what it says of its body instead of the hash.
    """
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    made = AWSRequest(method=method, url=f"http://{HOST}{target}", data=body, headers=names)
    if declared is not None:
        made.headers["X-Amz-Content-SHA256"] = declared
    arguments: list[Any] = [Credentials(KEY, SECRET), service, region]
    if expires is None:
        signer = (S3SigV4Auth if service == "s3" and declared is None else _Plain)(*arguments)
    else:
        signer = (S3SigV4QueryAuth if service == "s3" else SigV4QueryAuth)(*arguments, expires=expires)
    then = datetime.now(UTC) + timedelta(minutes=minutes)
    with patch.object(botocore.auth, "get_current_datetime", lambda: then):
        signer.add_auth(made)
    return as_sent(method, made.url, {"host": HOST, **dict(made.headers.items())})


class _Plain(SigV4Auth):  # type: ignore[misc]
    """Signs what the request declares; S3's own signer computes the hash itself."""

    def _normalize_url_path(self, path: str) -> str:
        return path if self._service_name == "s3" else str(super()._normalize_url_path(path))


def as_sent(method: str, url: str, headers: dict[str, str]) -> Request:
    parts = urlsplit(url)
    return Request(
        method=method,
        path=unquote(parts.path),
        raw_path=parts.path,
        query_string=parts.query,
        fields=tuple((name.lower(), value) for name, value in headers.items()),
    )


def with_header(request: Request, name: str, value: str | None) -> Request:
    fields = tuple(field for field in request.fields if field[0] != name)
    return replace(request, fields=fields if value is None else (*fields, (name, value)))


def verify(request: Request, body: bytes = b"", signer: Signer = SIGNER) -> None:
    """All that the door verifies of a signed request. Raises Refused."""
    signature = signatures.read(request)
    assert signature is not None
    verification.check_time(signature, request)
    payload = payloads.signed_hash(request, signature, body)
    verification.check(request, signature, signer, payload)
    payloads.check_chunks(signature, payload, body, verification.signing_key(signature, signer.secret))


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
