"""Topics that are encrypted with a key: who publishes needs the key as well. MiniStack drops the property."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from localcloud.ministack import cloudformation, web
from localcloud.ministack import topics as store
from localcloud.ministack.cloudformation import Properties
from localcloud.provisioners.encryption import key_denial

PUBLISHING = frozenset({"Publish", "PublishBatch"})
# What SNS does with the key for whoever publishes (SNS developer guide, "Key management").
USES = ("kms:GenerateDataKey", "kms:Decrypt")

Handler = Callable[[str, str, dict[str, str], bytes, dict[str, Any]], Awaitable[Any]]


def apply(topic_arn: str, new: Properties, old: Properties) -> None:
    attributes = store.topic(topic_arn)["attributes"]
    attributes.pop("KmsMasterKeyId", None)
    if new.get("KmsMasterKeyId"):
        attributes["KmsMasterKeyId"] = new["KmsMasterKeyId"]


def _denial(headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Any:
    form = parse_qs(body.decode("utf-8", errors="replace"))
    if form.get("Action", [""])[0] not in PUBLISHING:
        return None
    topic = store.find_topic(form.get("TopicArn", form.get("TargetArn", [""]))[0])
    key = topic["attributes"].get("KmsMasterKeyId") if topic else None
    denials = (key_denial("sns", action, key, headers, query) for action in USES if key)
    return next((denied for denied in denials if denied), None)


def _checked(handler: Handler) -> Handler:
    async def handle(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Any:
        return _denial(headers, body, query) or await handler(method, path, headers, body, query)

    return handle


def install() -> None:
    cloudformation.after("AWS::SNS::Topic", apply)
    web.wrap_service("sns", _checked)
