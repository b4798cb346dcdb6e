"""Signature Version 4, verified: its time has not passed, its key is known, and nothing was changed since."""

from __future__ import annotations

import functools
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote, unquote

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest, HTTPHeaders

from localcloud.context import account
from localcloud.door.request import Refused, Request
from localcloud.door.signatures import Signature
from localcloud.ministack import credentials

LONGEST_PRESIGN = timedelta(days=7)
_UNRESERVED = "-_.~"


@dataclass(frozen=True)
class Signer:
    """Whose secret it is: `root` is the user of this local cloud."""

    secret: str
    root: bool


def check_time(signature: Signature, request: Request) -> None:
    """Refuse what was signed too long ago, or for later."""
    if not (signature.presigned and request.parameter("X-Amz-Expires")):
        if failure := credentials.time_failure(signature.service, signature.timestamp):
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
        found = credentials.resolve(key, token, account())
    except credentials.AmbiguousKeyError:
        raise Refused("UnrecognizedClientException", f"Several accounts have the access key {key}.") from None
    if credentials.is_unresolved(found):
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
    raise Refused("SignatureDoesNotMatch", credentials.SIGNATURE_MISMATCH)


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
    return credentials.signing_key(secret, date, region, service)
