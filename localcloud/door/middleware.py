"""The door itself: every request passes here, and none goes on that was not let in."""

from __future__ import annotations

import asyncio

from localcloud.door import answers, browsers, payloads, routes, signatures
from localcloud.door.request import Application, Message, Receive, Refused, Request, Scope, Send
from localcloud.door.routes import Route

# Hashing more than this would keep other requests waiting.
LARGE_BODY = 1 << 20
# What is still read of a refused request, so that its sender gets to read the answer.
LONGEST_DRAIN = 64 << 20

MISSING = Refused("MissingAuthenticationToken", "Request is missing Authentication Token", status=403)


class Disconnected(Exception):  # noqa: N818 - the client went away: no fault
    """The client went away before its request was complete."""


def behind_door(application: Application) -> Application:
    """The application, reached only by those who may."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            # Nothing that is deployed here listens on one.
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] != "http":
            await application(scope, receive, send)
        else:
            await _serve(application, scope, receive, send)

    return serve


async def _serve(application: Application, scope: Scope, receive: Receive, send: Send) -> None:
    request = Request.of(scope)
    try:
        browsers.check_address(request)
        route = routes.route_of(request)
        if route is Route.AWS:
            browsers.check_page(request, presigned=signatures.is_presigned(request))
    except Refused as refused:
        await _drain(request, receive)
        await answers.refuse(send, request, refused)
        return
    if route is Route.API:
        await application(scope, receive, send)
    elif route is Route.CALLBACK:
        await application(scope, receive, answers.without_cors(send))
    else:
        await _serve_aws(application, scope, request, receive, send)


async def _serve_aws(application: Application, scope: Scope, request: Request, receive: Receive, send: Send) -> None:
    signature = None
    try:
        signature = signatures.read(request)
        if signature is not None:
            signatures.check_time(signature, request)
            signer = signatures.signer_of(signature)
    except Refused as refused:
        await _drain(request, receive)
        await _refuse(send, request, refused, signature)
        return
    try:
        body = await _read(receive)
        if signature is None:
            _check_unsigned(request, body)
        else:
            await _check_signed(request, signature, signer, body)
    except Refused as refused:
        await _refuse(send, request, refused, signature)
    except Disconnected:
        return
    else:
        await application(scope, _replay(body, receive), answers.without_cors(send))


def _check_unsigned(request: Request, body: bytes) -> None:
    if request.path.startswith(routes.OWN) or not routes.is_unsigned_action(request, body):
        raise MISSING


async def _check_signed(
    request: Request, signature: signatures.Signature, signer: signatures.Signer, body: bytes
) -> None:
    if request.path.startswith(routes.OWN) and not signer.root:
        raise Refused("AccessDenied", f"{request.path} is for the user of this local cloud.", status=403)
    if len(body) > LARGE_BODY:
        await asyncio.to_thread(_check_signature, request, signature, signer, body)
    else:
        _check_signature(request, signature, signer, body)


def _check_signature(request: Request, signature: signatures.Signature, signer: signatures.Signer, body: bytes) -> None:
    signed = payloads.signed_hash(request, signature, body)
    signatures.check(request, signature, signer, signed)
    payloads.check_chunks(signature, signed, body, signatures.signing_key(signature, signer.secret))


async def _refuse(send: Send, request: Request, refused: Refused, signature: signatures.Signature | None) -> None:
    if request.path.startswith(routes.OWN):
        await answers.refuse(send, request, refused)
    else:
        service = answers.service_for(request, signature.service if signature else "")
        await answers.refuse(send, request, refused, service=service)


async def _read(receive: Receive) -> bytes:
    """The whole body. Raises Disconnected."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


async def _drain(request: Request, receive: Receive) -> None:
    """Read what a client is sending, but not what it waits to be asked for."""
    if request.header("expect"):
        return
    left = LONGEST_DRAIN
    while left > 0:
        message = await receive()
        left -= len(message.get("body", b""))
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            return


def _replay(body: bytes, receive: Receive) -> Receive:
    """The body that was read, once; then what happens on the connection."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return pending.pop() if pending else await receive()

    return receive_again
