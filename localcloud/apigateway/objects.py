"""Objects of S3 behind a REST API: an AWS integration that reads one as the role that it names."""

import asyncio
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from localcloud import platform
from localcloud.ministack import apigateway

PRINCIPAL = "apigateway.amazonaws.com"
SENT = "integration.request.header."
GOT = "integration.response.header."
ASKED = "method.request.header."
TOLD = "method.response.header."

Invoke = Callable[..., Awaitable[Any]]
Integration = Mapping[str, Any]
# Status, headers in small letters, body.
Found = tuple[int, Mapping[str, str], bytes]


def reading(invoke: Invoke) -> Invoke:
    """Around AWS integrations: those that read an object are answered here."""

    async def invoke_service(integration: Integration, *request: Any, **options: Any) -> Any:
        spec = apigateway.service_of(integration.get("uri", ""))
        if not spec or spec[1:3] != ("s3", "path"):
            return await invoke(integration, *request, **options)
        if integration.get("httpMethod") != "GET":
            return apigateway.gateway_error("API_CONFIGURATION_ERROR", "Internal server error")
        try:
            # Not on the event loop: the bucket is one of this server.
            found = await asyncio.to_thread(_get, integration, spec[3], request[6])
        except platform.AccessDenied:
            return apigateway.gateway_error("API_CONFIGURATION_ERROR", "Internal server error")
        return _answer(integration, found)

    return invoke_service


def _get(integration: Integration, path: str, headers: Mapping[str, Any]) -> Found:
    """Raises AccessDenied for a role that API Gateway may not assume."""
    bucket, _, key = path.partition("/")
    session = platform.role_session(integration.get("credentials") or "", "apigateway", service=PRINCIPAL)
    s3: Any = platform.client(session, "s3")
    sent = _sent(integration, headers)

    def add_headers(request: Any, **_: Any) -> None:
        for name, value in sent.items():
            request.headers[name] = value

    s3.meta.events.register("before-sign.s3.GetObject", add_headers)
    try:
        answer = s3.get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        answer, body = error.response, b""
    else:
        body = answer["Body"].read()
    meta = answer["ResponseMetadata"]
    return int(meta["HTTPStatusCode"]), meta["HTTPHeaders"], body


def _sent(integration: Integration, headers: Mapping[str, Any]) -> dict[str, str]:
    """Headers that the integration passes on, or sets."""
    found = {}
    for name, source in (integration.get("requestParameters") or {}).items():
        value = source[1:-1] if source.startswith("'") else ""
        if source.startswith(ASKED):
            value = apigateway.header(headers, source.removeprefix(ASKED))
        if name.startswith(SENT) and value:
            found[name.removeprefix(SENT)] = value
    return found


def _answer(integration: Integration, found: Found) -> Any:
    """As the response whose pattern fits the status says, or the one without a pattern."""
    status, headers, body = found
    responses = list((integration.get("integrationResponses") or {}).values())
    fitting = [item for item in responses if re.fullmatch(item.get("selectionPattern") or "(?!)", str(status))]
    chosen = next(iter([*fitting, *(item for item in responses if not item.get("selectionPattern"))]), None)
    if chosen is None:
        return apigateway.gateway_error("API_CONFIGURATION_ERROR", "Internal server error")
    told = {"Content-Type": "application/json"}
    for name, source in (chosen.get("responseParameters") or {}).items():
        value = source[1:-1] if source.startswith("'") else headers.get(source.removeprefix(GOT).lower())
        if name.startswith(TOLD) and value is not None:
            told[name.removeprefix(TOLD)] = value
    template = (chosen.get("responseTemplates") or {}).get("application/json")
    if template is not None:
        context = {"requestId": str(uuid.uuid4())}
        body = apigateway.render_template(template, body.decode(errors="replace"), {}, context).encode()
    return int(chosen["statusCode"]), told, body
