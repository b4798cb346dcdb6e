"""Buckets and objects of S3."""

from collections.abc import Callable, Mapping, MutableMapping
from typing import Any
from xml.etree.ElementTree import Element, tostring

from ministack.services import s3 as _s3

from localcloud.ministack.replacing import wrap

Make = Callable[[Callable[..., Any]], Callable[..., Any]]
Answer = tuple[int, dict[str, str], Any]

NAMESPACE = str(_s3.S3_NS)


def bucket(name: str) -> Mapping[str, Any] | None:
    """The bucket with its `objects` by key; None when the account has no such bucket."""
    found: Mapping[str, Any] | None = _s3._buckets.get(name)
    return found


def visible_bucket(name: str) -> Mapping[str, Any] | None:
    """The bucket, of whatever account; None when there is none."""
    found: Mapping[str, Any] | None = _s3._ensure_bucket(name)
    return found


def version_of(name: str, key: str, version: str) -> Mapping[str, Any] | None:
    """One version of an object, None when it is not there."""
    found = (one for one in _s3._object_versions.get((name, key), []) if one["version_id"] == version)
    return next(found, None)


def default_encryption(name: str) -> Mapping[str, str]:
    """The headers that a request without encryption of its own gets by the bucket's default."""
    found: Mapping[str, str] = _s3._bucket_default_sse_headers(name)
    return found


def put_encryption(name: str, document: Element) -> None:
    """PutBucketEncryption. Raises ValueError for what S3 refuses."""
    _succeed(name, _s3._put_bucket_encryption(name, tostring(document)))


def put_logging(name: str, document: Element) -> None:
    """PutBucketLogging. Raises ValueError for what S3 refuses."""
    _succeed(name, _s3._put_bucket_logging(name, tostring(document)))


def put_ownership(name: str, document: Element) -> None:
    """PutBucketOwnershipControls. Raises ValueError for what S3 refuses."""
    _succeed(name, _s3._put_bucket_ownership_controls(name, tostring(document)))


def _succeed(name: str, answer: Answer) -> None:
    status, _, body = answer
    if status >= 400:
        raise ValueError(f"AWS::S3::Bucket {name}: {body!r}")


def encryptions() -> MutableMapping[str, Any]:
    """What buckets encrypt with, by bucket."""
    found: MutableMapping[str, Any] = _s3._bucket_encryption
    return found


def lifecycles() -> MutableMapping[str, Any]:
    """The rules of buckets, in the members of the API, by bucket."""
    found: MutableMapping[str, Any] = _s3._bucket_lifecycle
    return found


def loggings() -> MutableMapping[str, Any]:
    """Where buckets log to, by bucket."""
    found: MutableMapping[str, Any] = _s3._bucket_logging_config
    return found


def tags() -> MutableMapping[str, Any]:
    """{key: value} of buckets, by bucket."""
    found: MutableMapping[str, Any] = _s3._bucket_tags
    return found


def suspend_versioning(name: str) -> None:
    _s3._bucket_versioning[name] = "Suspended"


def error(code: str, message: str, status: int) -> Answer:
    """A refusal of S3."""
    found: Answer = _s3._error(code, message, status)
    return found


def wrap_requests(make: Make) -> None:
    """Around every request to S3: async (method, path, headers, body, query, ...) -> answer."""
    wrap(_s3, "handle_request", make)


def refused_write(headers: Mapping[str, Any], existing: Any) -> Any:
    """Why the conditions in the headers of a write do not hold for the object that is there; None when they do."""
    return _s3._check_put_preconditions(headers, existing)


def wrap_preconditions(make: Make) -> None:
    """Around `refused_write`: (headers, the object that is there or None) -> refusal or None."""
    wrap(_s3, "_check_put_preconditions", make)


def wrap_copy(make: Make) -> None:
    """Around CopyObject: (bucket, key, headers) -> answer."""
    wrap(_s3, "_copy_object", make)


def wrap_notifications(make: Make) -> None:
    """Around telling of a change to an object: (..., version_id=...)."""
    wrap(_s3, "_fire_s3_event", make)


def wrap_queue_delivery(make: Make) -> None:
    """Around the delivery of a notification to a queue."""
    wrap(_s3, "_deliver_event_to_sqs", make)
