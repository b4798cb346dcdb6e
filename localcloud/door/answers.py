"""Refusals in the words and the protocol of the service that was asked."""

import json
import uuid
from collections.abc import Iterable

from localcloud.door.request import Message, Refused, Request, Send
from localcloud.ministack import access, web

_PLAIN = {"Content-Type": "application/json"}


async def refuse(send: Send, request: Request, refused: Refused, *, service: str | None = None) -> None:
    """Answer in the service's protocol, or in plain JSON when no service was to see the request."""
    if service is None:
        status, headers = refused.status or 403, dict(_PLAIN)
        body = json.dumps({"code": refused.code, "message": refused.message}).encode()
    else:
        status, headers, body = _in_protocol(request, refused, service)
    headers |= {"Content-Length": str(len(body))}
    fields = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else body})


def _in_protocol(request: Request, refused: Refused, service: str) -> tuple[int, dict[str, str], bytes]:
    request_id = str(uuid.uuid4())
    status, headers, body = access.denied_response(
        service,
        "",
        "",
        request_id,
        error_code=refused.code,
        message=refused.message,
        headers=dict(request.headers),
    )
    web.fix_content_type(service, status, headers)
    ids = {"x-amzn-requestid": request_id, "x-amz-request-id": request_id}
    # AWS decides the status of what it words itself; of the rest, the refusal does.
    own = access.has_own_status(refused.code)
    return status if own or refused.status is None else refused.status, {**headers, **ids}, body


def without_cors(send: Send) -> Send:
    """Answers of AWS's services tell no browser that another origin may read them."""

    async def send_without(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": list(_without_cors(message.get("headers", [])))}
        await send(message)

    return send_without


def _without_cors(headers: Iterable[tuple[bytes, bytes]]) -> Iterable[tuple[bytes, bytes]]:
    return (item for item in headers if not item[0].lower().startswith(b"access-control-"))
