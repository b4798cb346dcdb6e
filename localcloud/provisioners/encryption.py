"""Objects encrypted with a KMS key: reading needs kms:Decrypt, writing kms:GenerateDataKey, on the key."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from localcloud.ministack import access, s3, topics, web
from localcloud.platform import arn, region

ALGORITHM = "x-amz-server-side-encryption"
KEY = "x-amz-server-side-encryption-aws-kms-key-id"
COPY_SOURCE = "x-amz-copy-source"

Headers = Mapping[str, str]
Query = Mapping[str, Any]
Handler = Callable[[str, str, dict[str, str], bytes, dict[str, Any]], Awaitable[Any]]


def needed(method: str, path: str, action: str, headers: Headers, query: Query) -> Iterator[tuple[str, str]]:
    """Pairs of KMS action and key id that a path-style S3 request needs."""
    bucket, _, key = unquote(path).lstrip("/").partition("/")
    if not key:
        return
    if method == "GET" and action in ("s3:GetObject", "s3:GetObjectVersion"):
        yield from _reading(bucket, key, _first(query, "versionId"))
    elif method in ("PUT", "POST") and action == "s3:PutObject":
        encrypted_with = _writing(bucket, headers)
        if encrypted_with:
            yield "kms:GenerateDataKey", encrypted_with
        # A multipart upload is read back part by part when it is completed.
        if encrypted_with and ("uploads" in query or "uploadId" in query):
            yield "kms:Decrypt", encrypted_with
        if COPY_SOURCE in headers:
            # A key may hold a question mark too, which is encoded.
            source, _, version = headers[COPY_SOURCE].partition("?versionId=")
            yield from _reading(*unquote(source).lstrip("/").partition("/")[::2], version)


def _first(query: Query, name: str) -> str:
    value = query.get(name, "")
    return str(value[0]) if isinstance(value, list) else str(value)


def _reading(bucket: str, key: str, version: str) -> Iterator[tuple[str, str]]:
    record = _object(bucket, key, version)
    key_id = (record.get("preserved_headers") or {}).get(KEY)
    if key_id:
        yield "kms:Decrypt", key_id


def _object(bucket: str, key: str, version: str) -> Mapping[str, Any]:
    if version and (found := s3.version_of(bucket, key, version)):
        return found
    return (s3.bucket(bucket) or {}).get("objects", {}).get(key) or {}


def _writing(bucket: str, headers: Headers) -> str | None:
    """The key named by the request, else by the bucket's default when the request names no algorithm."""
    if headers.get(ALGORITHM):
        return headers.get(KEY)
    return s3.default_encryption(bucket).get(KEY)


def key_denial(service: str, kms_action: str, key_id: str, headers: Headers, query: Query) -> Any:
    """The answer to a request of a caller who may not use the key through the service; None for one who may."""
    key = topics.find_key(key_id)
    if key is None:
        return None
    caller, via = web.access_key_of(headers, query), {"kms:ViaService": f"{service}.{region()}.amazonaws.com"}
    denied = access.evaluate(caller, kms_action, "kms", region(), resource=key["Arn"], context=via)
    if not access.is_denial(denied):
        return None
    return access.denied_response(
        service, kms_action, denied.principal_arn, "", headers=headers, resource_arn=key["Arn"]
    )


def _denial(request: tuple[str, str, dict[str, str], bytes, dict[str, Any]]) -> Any:
    method, path, headers, body, query = request
    action = access.action_of("s3", method, path, headers, body, query)
    for kms_action, key_id in needed(method, path, action or "", headers, query):
        if denied := key_denial("s3", kms_action, key_id, headers, query):
            return denied
    return None


def _with_managed_key(headers: dict[str, str]) -> dict[str, str]:
    """S3 takes its own key, which everybody in the account may use through it, when a request names none."""
    if headers.get(ALGORITHM) == "aws:kms" and not headers.get(KEY):
        return {**headers, KEY: arn("kms", "alias/aws/s3")}
    return headers


def _checked(handler: Handler) -> Handler:
    async def handle(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Any:
        headers = _with_managed_key(headers)
        denied = _denial((method, path, headers, body, query))
        return denied or await handler(method, path, headers, body, query)

    return handle


def install() -> None:
    web.wrap_service("s3", _checked)
