"""The answer for a service that nobody serves here: an error of AWS's form that names it, as the client speaks."""

import functools
import json
import uuid
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

import botocore.loaders
from botocore.exceptions import DataNotFoundError, UnknownServiceError

from localcloud.ministack import web

CODE = "UnknownOperationException"
_XML_PROTOCOLS = frozenset({"query", "rest-xml", "ec2"})


def install() -> None:
    web.answer_for_absent(_handler_of)


def _handler_of(service: str) -> web.Handler:
    async def handle(
        _method: str, _path: str, headers: dict[str, str], _body: bytes, _query: dict[str, Any]
    ) -> web.Response:
        return refusal(service, headers)

    return handle


def refusal(service: str, headers: Mapping[str, str]) -> web.Response:
    """`service`: as the address or the signature of the request names it."""
    words = f"The local cloud does not have the service {service}."
    identity = str(uuid.uuid4())
    if _is_xml(service, headers):
        error = f"<Error><Type>Sender</Type><Code>{CODE}</Code><Message>{escape(words)}</Message></Error>"
        text = f"<ErrorResponse>{error}<RequestId>{identity}</RequestId></ErrorResponse>"
        return 400, {"Content-Type": "text/xml"}, text.encode()
    # Older clients read `message`, some services of the JSON protocols say `Message`.
    document = {"__type": CODE, "message": words, "Message": words}
    told = {"Content-Type": "application/json", "x-amzn-errortype": CODE, "x-amzn-requestid": identity}
    return 400, told, json.dumps(document).encode()


def _is_xml(service: str, headers: Mapping[str, str]) -> bool:
    kind = headers.get("content-type", "")
    if "json" in kind or "x-amz-target" in headers:
        return False
    return "x-www-form-urlencoded" in kind or _protocol(service) in _XML_PROTOCOLS


@functools.cache
def _protocol(service: str) -> str:
    """As botocore's model of the service says; "" for one that it does not know by this name."""
    try:
        model = botocore.loaders.Loader().load_service_model(service, "service-2")
    except (UnknownServiceError, DataNotFoundError):
        return ""
    return str(model["metadata"]["protocol"])
