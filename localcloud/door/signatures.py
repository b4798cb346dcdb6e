"""Signature Version 4 as a request states it: whose, for what and when, and whether it says enough."""

from __future__ import annotations

import re
from dataclasses import dataclass

from localcloud.context import region
from localcloud.door.request import Refused, Request
from localcloud.ministack import credentials

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
# S3 and its kin sign the path as it is sent; all others normalise and encode it first.
S3_NAMES = frozenset({"s3", "s3express", "s3-object-lambda", "s3-outposts"})
# Services with one endpoint for the world, whose requests are signed for this region.
GLOBAL_REGION = "us-east-1"
GLOBAL_SERVICES = frozenset(
    {"budgets", "ce", "cloudfront", "globalaccelerator", "iam", "organizations", "route53", "shield", "sts", "waf"}
)
_TIMESTAMP = re.compile(r"\d{8}T\d{6}Z")
OTHER_MECHANISM = (
    "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256 (Signature Version 4; "
    "in boto3: Config(signature_version='s3v4'))."
)


@dataclass(frozen=True)
class Signature:
    """What a request says of its signature; `presigned` when it says so in its query."""

    access_key: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    value: str
    timestamp: str
    token: str
    presigned: bool

    @property
    def scope(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/aws4_request"

    @property
    def for_s3(self) -> bool:
        return self.service in S3_NAMES


def is_presigned(request: Request) -> bool:
    named = request.parameter("X-Amz-Signature") or request.parameter("Signature")
    return bool(named) and not request.all("authorization")


def read(request: Request) -> Signature | None:
    """None for a request without credentials. Raises Refused for a signature that says too little or is no V4."""
    authorizations = request.all("authorization")
    if len(authorizations) > 1:
        raise Refused("IncompleteSignature", "The request has more than one Authorization header.", status=400)
    presigned = "X-Amz-Algorithm" in request.query or "X-Amz-Signature" in request.query
    if not authorizations and not presigned and not {"AWSAccessKeyId", "X-Amz-Credential"} & set(request.query):
        return None
    if authorizations and (presigned or "AWSAccessKeyId" in request.query):
        raise Refused("InvalidArgument", "Only one auth mechanism allowed; the request has two.", status=400)
    _check_algorithm(request, authorizations)
    signature = _parsed(request, presigned=not authorizations)
    _check_scope(request, signature)
    return signature


def _check_algorithm(request: Request, authorizations: list[str]) -> None:
    if authorizations:
        supported = authorizations[0].startswith(f"{ALGORITHM} ")
    else:
        supported = request.query.get("X-Amz-Algorithm") == [ALGORITHM]
    if not supported:
        raise Refused("InvalidRequest", OTHER_MECHANISM, status=400)


def _parsed(request: Request, *, presigned: bool) -> Signature:
    doubled = [name for name, values in request.query.items() if name.startswith("X-Amz-") and len(values) > 1]
    if presigned and doubled:
        raise Refused("IncompleteSignature", f"The query parameter {doubled[0]} is there twice.", status=400)
    found = credentials.parse_query(request.query) if presigned else credentials.parse_header(request.headers)
    if isinstance(found, tuple):
        raise Refused(*found, status=400)
    return Signature(
        access_key=found.access_key_id,
        date=found.date_stamp,
        region=found.region,
        service=found.service,
        signed_headers=tuple(found.signed_headers.split(";")),
        value=found.signature,
        timestamp=found.amz_date,
        token=request.parameter("X-Amz-Security-Token") if presigned else request.header("x-amz-security-token"),
        presigned=presigned,
    )


def _check_scope(request: Request, signature: Signature) -> None:
    credential = (
        request.parameter("X-Amz-Credential") if signature.presigned else request.header("authorization").split(",")[0]
    )
    if not credential.strip().endswith("/aws4_request"):
        raise Refused("SignatureDoesNotMatch", "Credential should be scoped with a valid terminator: 'aws4_request'.")
    if not _TIMESTAMP.fullmatch(signature.timestamp):
        message = f"Date must be in ISO-8601 'basic format'. Got '{signature.timestamp}'."
        raise Refused("IncompleteSignature", message, status=400)
    if signature.date != signature.timestamp[:8]:
        message = f"Date in Credential scope does not match YYYYMMDD of {signature.timestamp}."
        raise Refused("SignatureDoesNotMatch", message)
    _check_region(signature)
    _check_signed_headers(request, signature)


def _check_region(signature: Signature) -> None:
    if signature.region == region() or (signature.service in GLOBAL_SERVICES and signature.region == GLOBAL_REGION):
        return
    if signature.for_s3:
        message = f"The authorization header is malformed; the region '{signature.region}' is wrong; "
        raise Refused("AuthorizationHeaderMalformed", f"{message}expecting '{region()}'", status=400)
    message = f"Credential should be scoped to a valid region: '{region()}', not '{signature.region}'."
    raise Refused("SignatureDoesNotMatch", message)


def _check_signed_headers(request: Request, signature: Signature) -> None:
    """The name that was asked, and everything that AWS acts upon."""
    signed = set(signature.signed_headers)
    needed = {"host", *(name for name in request.headers if name.startswith("x-amz-"))}
    if missing := sorted(needed - signed):
        message = f"There were headers present in the request which were not signed: {', '.join(missing)}"
        raise Refused("AccessDenied" if signature.for_s3 else "SignatureDoesNotMatch", message)
