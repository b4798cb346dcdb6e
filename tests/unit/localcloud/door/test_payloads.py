"""Bodies: hashed, in signed chunks, with trailers, and not signed at all."""

import hashlib
import hmac

import pytest

from localcloud.door import payloads, signatures, verification
from localcloud.door.payloads import SIGNED_CHUNKS, SIGNED_TRAILER, UNSIGNED_TRAILER
from localcloud.door.request import Refused
from localcloud.door.signatures import Signature
from tests.unit.localcloud.door.support import SECRET, sha256, signed, verify

# AWS's own example ("Signature calculations for the Authorization header: transferring payload in multiple chunks").
EXAMPLE_SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
EXAMPLE = Signature(
    access_key="EXAMPLE",
    date="20130524",
    region="us-east-1",
    service="s3",
    signed_headers=("host",),
    value="4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
    timestamp="20130524T000000Z",
    token="",
    presigned=False,
)
EXAMPLE_CHUNKS = [
    (65536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"),
    (1024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"),
    (0, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"),
]


def example(letter: bytes = b"a") -> bytes:
    return b"".join(
        b"%x;chunk-signature=%s\r\n%s\r\n" % (size, value.encode(), letter * size) for size, value in EXAMPLE_CHUNKS
    )


def test_the_example_of_aws_verifies():
    key = verification.signing_key(EXAMPLE, EXAMPLE_SECRET)
    payloads.check_chunks(EXAMPLE, SIGNED_CHUNKS, example(), key)
    with pytest.raises(Refused, match="signature of a chunk"):
        payloads.check_chunks(EXAMPLE, SIGNED_CHUNKS, example(b"b"), key)


def chunked(first: str, signature: Signature, chunks: list[bytes], trailer: bytes | None = None) -> bytes:
    """A body in signed chunks, as the documents of S3 describe it."""
    key, previous, out = verification.signing_key(signature, SECRET), first, b""

    def sign(kind: str, *parts: str) -> str:
        text = "\n".join([kind, signature.timestamp, signature.scope, previous, *parts])
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()

    for chunk in [*chunks, b""]:
        previous = sign("AWS4-HMAC-SHA256-PAYLOAD", sha256(b""), sha256(chunk))
        end = b"\r\n" if chunk else b""
        out += b"%x;chunk-signature=%s\r\n%s%s" % (len(chunk), previous.encode(), chunk, end)
    if trailer is None:
        return out + b"\r\n"
    value = sign("AWS4-HMAC-SHA256-TRAILER", sha256(trailer + b"\n"))
    return out + trailer + b"\r\nx-amz-trailer-signature:" + value.encode() + b"\r\n\r\n"


def stream(declared: str, chunks: list[bytes], trailer: bytes | None = None):
    request = signed("/bucket/key", method="PUT", declared=declared)
    signature = signatures.read(request)
    return request, chunked(signature.value, signature, chunks, trailer)


CHANGES = {
    "a byte": lambda body: body.replace(b"one", b"One"),
    "chunks swapped": lambda body: body.replace(b"one", b"###").replace(b"two", b"one").replace(b"###", b"two"),
    "cut off": lambda body: body[:-100],
    "the last chunk gone": lambda body: body[: body.index(b"0;chunk")],
    "empty": lambda body: b"",
    "no signature": lambda body: b"3\r\none\r\n0\r\n\r\n",
    "a size that is none": lambda body: b"-3" + body[1:],
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("trailer", [None, b"x-amz-checksum-crc32:AAAAAA=="])
def test_a_changed_stream_is_refused(change, trailer):
    request, body = stream(SIGNED_TRAILER if trailer else SIGNED_CHUNKS, [b"one", b"two"], trailer)
    verify(request, body)
    with pytest.raises(Refused):
        verify(request, change(body))


def test_a_trailer_is_signed_too():
    request, body = stream(SIGNED_TRAILER, [b"one"], b"x-amz-checksum-crc32:AAAAAA==")
    with pytest.raises(Refused, match="trailer does not match"):
        verify(request, body.replace(b"AAAAAA", b"BBBBBB"))
    with pytest.raises(Refused, match="trailer of the request is not signed"):
        verify(request, body[: body.index(b"x-amz-trailer-signature")])


def test_a_declared_hash_is_that_of_the_body():
    request = signed("/bucket/key", method="PUT", body=b"one")
    verify(request, b"one")
    with pytest.raises(Refused) as refused:
        verify(request, b"two")
    assert (refused.value.code, refused.value.status) == ("XAmzContentSHA256Mismatch", 400)


@pytest.mark.parametrize("declared", ["UNSIGNED-PAYLOAD", UNSIGNED_TRAILER])
def test_s3_takes_bodies_that_are_not_signed_and_nobody_else_does(declared):
    verify(signed("/bucket/key", method="PUT", declared=declared), b"anything")
    for service in ("glue", "lambda"):
        with pytest.raises(Refused, match="does not match the signature"):
            verify(signed(method="POST", service=service, declared=declared), b"anything")
    targeted = signed(method="POST", declared=declared, X_Amz_Target="AWSGlue.DeleteJob")
    with pytest.raises(Refused, match="does not match the signature"):
        verify(targeted, b"{}")


@pytest.mark.parametrize("declared", ["", "none", "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", "A" * 64])
def test_other_declarations_are_refused(declared):
    with pytest.raises(Refused):
        verify(signed("/bucket/key", method="PUT", declared=declared), b"x")


def test_a_presigned_address_leaves_the_body_open():
    verify(signed("/bucket/key", method="PUT", expires=60), b"anything")
