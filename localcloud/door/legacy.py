"""Presigned S3 links by Signature Version 2, which boto3 and the first AWS CLI still make in S3's oldest regions."""

from __future__ import annotations

import hmac
import time
from urllib.parse import urlsplit

from botocore.auth import HmacV1QueryAuth
from botocore.awsrequest import HTTPHeaders
from botocore.credentials import Credentials

from localcloud.context import region
from localcloud.door import routes
from localcloud.door.request import Refused, Request
from localcloud.door.signatures import OTHER_MECHANISM
from localcloud.door.verification import signer_of

# Regions that S3 opened before 2014; all others never took this version.
REGIONS = frozenset(
    {
        "ap-northeast-1",
        "ap-southeast-1",
        "ap-southeast-2",
        "eu-west-1",
        "sa-east-1",
        "us-east-1",
        "us-west-1",
        "us-west-2",
    }
)
_OWN = frozenset({"AWSAccessKeyId", "Expires", "Signature"})
_AS_HEADERS = frozenset({"content-md5", "content-type"})


def is_signed_so(request: Request) -> bool:
    return "AWSAccessKeyId" in request.query and not request.all("authorization")


def check(request: Request) -> None:
    """Verify the link. Raises Refused."""
    unsigned = [name for name in request.query if not _is_covered(name)]
    doubled = [name for name, values in request.query.items() if len(values) > 1]
    if region() not in REGIONS or routes.service_of(request) != "s3" or unsigned or doubled:
        raise Refused("InvalidRequest", OTHER_MECHANISM, status=400)
    expires = request.parameter("Expires")
    if not expires.isdecimal() or int(expires) < time.time():
        raise Refused("AccessDenied", "Request has expired", status=403)
    key = request.parameter("AWSAccessKeyId")
    signer = signer_of(key, request.parameter("x-amz-security-token"))
    verifier = _Verifier(Credentials(key, signer.secret), expires)
    computed = verifier.get_signature(
        request.method,
        urlsplit(f"http://host/?{request.query_string}"),
        _headers(request),
        auth_path=_resource(request),
    )
    if not hmac.compare_digest(computed, request.parameter("Signature")):
        raise Refused("SignatureDoesNotMatch", "The signature of the link does not match.", status=403)


def _is_covered(name: str) -> bool:
    """Whether the signature says something of a query parameter: of any other, its bearer could ask what he likes."""
    return name in _OWN | _AS_HEADERS or name.startswith("x-amz-") or name in HmacV1QueryAuth.QSAOfInterest


def _headers(request: Request) -> HTTPHeaders:
    """Those of the request, and those that the link carries in its query."""
    headers = HTTPHeaders()
    for name, value in request.fields:
        if name in _AS_HEADERS or name.startswith("x-amz-"):
            headers[name] = value
    for name, values in request.query.items():
        if (name in _AS_HEADERS or name.startswith("x-amz-")) and name not in headers:
            headers[name] = values[0]
    return headers


def _resource(request: Request) -> str:
    """The path with its bucket, also where the host names it."""
    name = request.header("host").partition(":")[0]
    bucket = name.removesuffix(".localhost") if name.endswith(".localhost") else ""
    return f"/{bucket}{request.raw_path}" if bucket else request.raw_path


class _Verifier(HmacV1QueryAuth):  # type: ignore[misc]
    """botocore's signer, told by the link when it ends."""

    def __init__(self, credentials: Credentials, expires: str) -> None:
        super().__init__(credentials)
        self._given = expires

    def _get_date(self) -> str:
        return self._given
