"""The body behind a signature: its hash, or the signature of each of its chunks."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass

from localcloud.door.request import Refused, Request
from localcloud.door.signatures import UNSIGNED_PAYLOAD, Signature

UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
SIGNED_CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
_DECLARED = frozenset({UNSIGNED_PAYLOAD, UNSIGNED_TRAILER, SIGNED_CHUNKS, SIGNED_TRAILER})
_HASH = re.compile(r"[0-9a-f]{64}")
_EMPTY_HASH = hashlib.sha256(b"").hexdigest()


def signed_hash(request: Request, signature: Signature, body: bytes) -> str:
    """What the signature has to hold for the body. Raises Refused when the request declares another body."""
    declared = request.header("x-amz-content-sha256")
    if signature.presigned:
        declared = declared or request.parameter("X-Amz-Content-Sha256")
    # Only S3 takes a declaration for the body: whatever else answers signs what was sent.
    if not signature.for_s3 or request.header("x-amz-target"):
        return hashlib.sha256(body).hexdigest()
    if not declared:
        return UNSIGNED_PAYLOAD if signature.presigned else hashlib.sha256(body).hexdigest()
    if declared in _DECLARED:
        return declared
    if not _HASH.fullmatch(declared):
        values = f"{', '.join(sorted(_DECLARED))} or a SHA-256 in hexadecimal"
        raise Refused("InvalidArgument", f"x-amz-content-sha256 must be {values}.", status=400)
    if not hmac.compare_digest(declared, hashlib.sha256(body).hexdigest()):
        message = "The provided 'x-amz-content-sha256' header does not match what was computed."
        raise Refused("XAmzContentSHA256Mismatch", message, status=400)
    return declared


def check_chunks(signature: Signature, declared: str, body: bytes, key: bytes) -> None:
    """Verify the signatures inside a body that is sent in signed chunks. Raises Refused."""
    if declared not in (SIGNED_CHUNKS, SIGNED_TRAILER):
        return
    chain = _Chain(signature, key, signature.value)
    position = 0
    while True:
        chunk, given, position = _next_chunk(body, position)
        chain.check(chain.of_chunk(chunk), given)
        if not chunk:
            break
    if declared == SIGNED_TRAILER:
        _check_trailer(chain, body[position:])


def _next_chunk(body: bytes, position: int) -> tuple[bytes, str, int]:
    """The chunk at the position, its signature, and where the next one begins."""
    end = body.find(b"\r\n", position)
    head = re.fullmatch(rb"([0-9A-Fa-f]{1,16});chunk-signature=([0-9a-f]{64})", body[position : max(end, position)])
    if not head:
        raise Refused(
            "IncompleteBody", "The request body terminated unexpectedly: a signed chunk begins with its size."
        )
    start, size = end + 2, int(head[1], 16)
    if start + size > len(body):
        raise Refused("IncompleteBody", "The request body terminated unexpectedly: a chunk is shorter than it says.")
    following = start + size + (2 if size else 0)
    return body[start : start + size], head[2].decode(), following


def _check_trailer(chain: _Chain, trailer: bytes) -> None:
    lines = [line for line in trailer.split(b"\r\n") if line]
    given = [
        line.partition(b":")[2].decode("latin-1") for line in lines if line.startswith(b"x-amz-trailer-signature:")
    ]
    signed = b"".join(line + b"\n" for line in lines if not line.startswith(b"x-amz-trailer-signature:"))
    if len(given) != 1:
        raise Refused("SignatureDoesNotMatch", "The trailer of the request is not signed.")
    chain.check(chain.of_trailer(signed), given[0].strip())


@dataclass
class _Chain:
    """Each signature covers the one before it."""

    signature: Signature
    key: bytes
    previous: str

    def of_chunk(self, chunk: bytes) -> str:
        return self._sign("AWS4-HMAC-SHA256-PAYLOAD", _EMPTY_HASH, hashlib.sha256(chunk).hexdigest())

    def of_trailer(self, trailer: bytes) -> str:
        return self._sign("AWS4-HMAC-SHA256-TRAILER", hashlib.sha256(trailer).hexdigest())

    def _sign(self, kind: str, *parts: str) -> str:
        text = "\n".join([kind, self.signature.timestamp, self.signature.scope, self.previous, *parts])
        return hmac.new(self.key, text.encode(), hashlib.sha256).hexdigest()

    def check(self, computed: str, given: str) -> None:
        if not hmac.compare_digest(computed, given):
            raise Refused("SignatureDoesNotMatch", "The signature of a chunk or of the trailer does not match.")
        self.previous = computed
