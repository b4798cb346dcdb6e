"""How S3 answers for an object that is not there, and the conditions of a write that its policies can ask for.

Whoever may not list a bucket does not learn what it lacks: S3 says 403 instead of 404.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from localcloud.context import region
from localcloud.ministack import access, credentials, s3, web

_MISSING = re.compile(rb"<Code>(NoSuchKey|NoSuchVersion)</Code>")
_COPY_SOURCE = "x-amz-copy-source"
# They create an upload or a part of one, and no object; a completed upload does.
_PARTS = ("uploads", "partNumber")

Request = Mapping[str, Any]


def listing_needed(method: str, path: str, headers: Request, query: Request) -> Iterator[tuple[str, str]]:
    """Action and bucket for which a reader has to have permission, or else is told nothing of what is missing.

    The documentation names s3:ListBucket. Whether a version needs s3:ListBucketVersions in its place it does not say:
    here both are needed.
    """
    source = str(headers.get(_COPY_SOURCE, "")).lstrip("/") if method == "PUT" else ""
    place, _, version = source.partition("?") if source else (path.lstrip("/"), "", query.get("versionId"))
    bucket, _, key = unquote(place).partition("/") if source else place.partition("/")
    if not key or (method not in ("GET", "HEAD") and not source):
        return
    yield "s3:ListBucket", bucket
    if version:
        yield "s3:ListBucketVersions", bucket


def write_conditions(path: str, headers: Request, query: Request) -> dict[str, str]:
    """Condition keys of s3:PutObject: the conditional headers, and whether the request makes an object."""
    found = {f"s3:{name}": str(headers[name]) for name in ("if-none-match", "if-match") if headers.get(name)}
    creates = not any(name in query for name in _PARTS)
    return {**found, "s3:ObjectCreationOperation": str(creates).lower()} if "/" in path.strip("/") else {}


def install() -> None:
    s3.wrap_requests(_answering)
    s3.wrap_preconditions(_checking)
    s3.wrap_copy(_copying)
    access.wrap_s3_conditions(_with_conditions)


def _answering(handle: Callable[..., Any]) -> Callable[..., Any]:
    async def handle_request(
        method: str, path: str, headers: dict[str, Any], body: bytes, query_params: dict[str, Any], **more: Any
    ) -> tuple[int, dict[str, str], Any]:
        answer: tuple[int, dict[str, str], Any] = await handle(method, path, headers, body, query_params, **more)
        if not _is_missing(method, path, answer) or more.get("internal"):
            return answer
        for action, bucket in listing_needed(method, path, headers, query_params):
            if refusal := _refusal(action, bucket, headers, query_params):
                return refusal
        return answer

    return handle_request


def _is_missing(method: str, path: str, answer: tuple[int, Any, Any]) -> bool:
    """Whether a bucket that is there lacks an object. The answer to a HEAD request has no body that says so."""
    status, _, content = answer
    if status != 404:
        return False
    if method == "HEAD":
        return s3.visible_bucket(path.lstrip("/").partition("/")[0]) is not None
    return isinstance(content, bytes) and _MISSING.search(content) is not None


def _refusal(action: str, bucket: str, headers: Request, query: Request) -> tuple[int, dict[str, str], Any] | None:
    """None for a caller who may."""
    key, resource = web.access_key_of(headers, query), f"arn:aws:s3:::{bucket}"
    if access.evaluate(key, action, "s3", region(), resource=resource) is None:
        return None
    message = access.denial_message(action, credentials.session_arn(key) or key, resource, explicit=False)
    return s3.error("AccessDenied", message, 403)


def _with_conditions(known: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    def s3_service_context(
        action: str, query: Request | None, path: str = "", headers: Request | None = None
    ) -> dict[str, Any]:
        found: dict[str, Any] = known(action, query, path, headers)
        if action == "s3:PutObject":
            found |= write_conditions(path, headers or {}, query or {})
        return found

    return s3_service_context


def _checking(check: Callable[..., Any]) -> Callable[..., Any]:
    def check_preconditions(headers: Request, existing: Any) -> Any:
        """S3 takes an asterisk here and no ETag, which would let an object be written over."""
        if str(headers.get("if-none-match", "*")).strip() not in ("", "*"):
            return s3.error(
                "NotImplemented", "A header you provided implies functionality that is not implemented", 501
            )
        return check(headers, existing)

    return check_preconditions


def _copying(copy: Callable[..., Any]) -> Callable[..., Any]:
    def copy_object(bucket: str, key: str, headers: dict[str, Any]) -> Any:
        """MiniStack copies without regard to what stands there."""
        existing = (s3.visible_bucket(bucket) or {}).get("objects", {}).get(key)
        return s3.refused_write(headers, existing) or copy(bucket, key, headers)

    return copy_object
