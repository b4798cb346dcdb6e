"""Topics that are encrypted with a key: who publishes needs the key as well. MiniStack drops the property."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from ministack import app
from ministack.services import sns

from localcloud.provisioners.encryption import key_denial
from localcloud.provisioners.handlers import Properties, after

HOOKS = (
    ("ministack.app", "SERVICE_HANDLERS"),
    ("ministack.services.sns", "_topic_by_arn_any_scope"),
    ("ministack.services.sns", "_topics"),
)

PUBLISHING = frozenset({"Publish", "PublishBatch"})
# What SNS does with the key for whoever publishes (SNS developer guide, "Key management").
USES = ("kms:GenerateDataKey", "kms:Decrypt")

Handler = Callable[[str, str, dict[str, str], bytes, dict[str, Any]], Awaitable[Any]]


def apply(topic_arn: str, new: Properties, old: Properties) -> None:
    attributes = sns._topics[topic_arn]["attributes"]
    attributes.pop("KmsMasterKeyId", None)
    if new.get("KmsMasterKeyId"):
        attributes["KmsMasterKeyId"] = new["KmsMasterKeyId"]


def _denial(headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Any:
    form = parse_qs(body.decode("utf-8", errors="replace"))
    if form.get("Action", [""])[0] not in PUBLISHING:
        return None
    topic = sns._topic_by_arn_any_scope(form.get("TopicArn", form.get("TargetArn", [""]))[0])
    key = topic["attributes"].get("KmsMasterKeyId") if topic else None
    denials = (key_denial("sns", action, key, headers, query) for action in USES if key)
    return next((denied for denied in denials if denied), None)


def _checked(handler: Handler) -> Handler:
    async def handle(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Any:
        return _denial(headers, body, query) or await handler(method, path, headers, body, query)

    return handle


def install() -> None:
    after("AWS::SNS::Topic", apply)
    app.SERVICE_HANDLERS["sns"] = _checked(app.SERVICE_HANDLERS["sns"])
