"""Signature Version 4, verified: who signed, when, with which secret, and that nothing was changed since."""

from __future__ import annotations

import functools
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote, unquote

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest, HTTPHeaders
from ministack.core import iam_evaluator, sigv4
from ministack.core.responses import _account_from_sts_session

from localcloud.context import account, region
from localcloud.door.request import Refused, Request

HOOKS = (
    ("ministack.core.iam_evaluator", "AmbiguousAccessKeyError"),
    ("ministack.core.iam_evaluator", "CredentialResolutionError"),
    ("ministack.core.iam_evaluator", "find_iam_access_key_account"),
    ("ministack.core.iam_evaluator", "resolve_credential"),
    ("ministack.core.responses", "_account_from_sts_session"),
    ("ministack.core.sigv4", "HeaderSignature"),
    ("ministack.core.sigv4", "SIGNATURE_MISMATCH"),
    ("ministack.core.sigv4", "derive_signing_key"),
    ("ministack.core.sigv4", "parse_header_signature"),
    ("ministack.core.sigv4", "parse_query_signature"),
    ("ministack.core.sigv4", "request_time_failure"),
)

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
# S3 and its kin sign the path as it is sent; all others normalise and encode it first.
S3_NAMES = frozenset({"s3", "s3express", "s3-object-lambda", "s3-outposts"})
# Services with one endpoint for the world, whose requests are signed for this region.
GLOBAL_REGION = "us-east-1"
GLOBAL_SERVICES = frozenset(
    {"budgets", "ce", "cloudfront", "globalaccelerator", "iam", "organizations", "route53", "shield", "sts", "waf"}
)
LONGEST_PRESIGN = timedelta(days=7)
_TIMESTAMP = re.compile(r"\d{8}T\d{6}Z")
_UNRESERVED = "-_.~"
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


@dataclass(frozen=True)
class Signer:
    """Whose secret it is: `root` is the user of this local cloud."""

    secret: str
    root: bool


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
    found = sigv4.parse_query_signature(request.query) if presigned else sigv4.parse_header_signature(request.headers)
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


def check_time(signature: Signature, request: Request) -> None:
    """Refuse what was signed too long ago, or for later."""
    if not (signature.presigned and request.parameter("X-Amz-Expires")):
        header = sigv4.HeaderSignature("", "", "", signature.service, "", "", signature.timestamp)
        if failure := sigv4.request_time_failure(header):
            raise Refused(*failure)
        return
    expires = request.parameter("X-Amz-Expires")
    if not expires.isdecimal() or not 0 < int(expires) <= LONGEST_PRESIGN.total_seconds():
        message = "X-Amz-Expires must be a number of seconds, at least 1 and less than a week (604800)."
        raise Refused("AuthorizationQueryParametersError", message, status=400)
    signed = datetime.strptime(signature.timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    now = datetime.now(UTC)
    if now > signed + timedelta(seconds=int(expires)):
        raise Refused("AccessDenied", "Request has expired", status=403)
    if signed > now + timedelta(minutes=15):
        raise Refused("AccessDenied", "Request is not yet valid", status=403)


def signer_of(key: str, token: str) -> Signer:
    """Raises Refused for an unknown key, an expired session and a wrong session token."""
    try:
        owner = _account_from_sts_session(key) or iam_evaluator.find_iam_access_key_account(key) or account()
        found = iam_evaluator.resolve_credential(key, owner, token)
    except iam_evaluator.AmbiguousAccessKeyError:
        raise Refused("UnrecognizedClientException", f"Several accounts have the access key {key}.") from None
    if isinstance(found, iam_evaluator.CredentialResolutionError):
        # A session's key without its token is an unknown key to AWS.
        unknown = found.code == "InvalidToken" and not token
        raise Refused("UnrecognizedClientException" if unknown else found.code, found.message)
    return Signer(secret=found.secret_access_key, root=found.principal_type == "Root")


def check(request: Request, signature: Signature, signer: Signer, payload_hash: str) -> None:
    """Compute the signature of the request anew. Raises Refused when it is another one."""
    recomputed = _Recomputed(signature, signing_key(signature, signer.secret), payload_hash)
    for path in _paths(request, signature):
        computed = recomputed.compute(request, path)
        if hmac.compare_digest(computed, signature.value):
            return
    raise Refused("SignatureDoesNotMatch", sigv4.SIGNATURE_MISMATCH)


def _paths(request: Request, signature: Signature) -> tuple[str, ...]:
    """S3's path is the one that was sent; some clients send characters bare that they sign encoded."""
    encoded = quote(unquote(request.raw_path, "latin-1"), safe=f"/{_UNRESERVED}", encoding="latin-1")
    return (request.raw_path, encoded) if signature.for_s3 and encoded != request.raw_path else (request.raw_path,)


class _Recomputed:
    """botocore's signer, told what to sign, and when, by a signature that is to be verified."""

    def __init__(self, signature: Signature, key: bytes, payload_hash: str) -> None:
        signer = S3SigV4Auth if signature.for_s3 else SigV4Auth
        self._auth = signer(None, signature.service, signature.region)
        self._key = key
        self._signature = signature
        self._payload_hash = payload_hash

    def compute(self, request: Request, path: str) -> str:
        copy = AWSRequest(method=request.method, url=f"http://host{path}?{_canonical_query(request)}")
        copy.headers = HTTPHeaders()
        for name, value in request.fields:
            if name in self._signature.signed_headers:
                copy.headers[name] = value
        copy.context["timestamp"] = self._signature.timestamp
        canonical = "\n".join(
            [
                request.method,
                self._auth._normalize_url_path(path),
                self._auth.canonical_query_string(copy),
                self._auth.canonical_headers(copy.headers) + "\n",
                ";".join(self._signature.signed_headers),
                self._payload_hash,
            ]
        )
        text = self._auth.string_to_sign(copy, canonical)
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()


def _canonical_query(request: Request) -> str:
    """Each name and value encoded as the signature wants it, whatever the client left bare."""
    pairs = parse_qsl(request.query_string, keep_blank_values=True, encoding="latin-1")
    return "&".join(
        f"{quote(name, safe=_UNRESERVED, encoding='latin-1')}={quote(value, safe=_UNRESERVED, encoding='latin-1')}"
        for name, value in pairs
        if name != "X-Amz-Signature"
    )


def signing_key(signature: Signature, secret: str) -> bytes:
    """The key of a day, a region and a service, which signs requests and the chunks of their bodies."""
    return _signing_key(secret, signature.date, signature.region, signature.service)


@functools.lru_cache(maxsize=256)
def _signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    return bytes(sigv4.derive_signing_key(secret, date, region, service))
