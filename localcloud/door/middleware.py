"""The door itself: every request passes here, and none goes on that was not let in."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal

from localcloud.door import answers, browsers, legacy, payloads, routes, signatures, verification
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
    try:
        claim = _claim_of(request)
    except Refused as refused:
        await _drain(request, receive)
        await _refuse(send, request, refused)
        return
    try:
        body = await _read(receive, most=LARGE_BODY if claim == "none" else None)
        await _check(request, claim, body)
    except Refused as refused:
        await _refuse(send, request, refused)
    except Disconnected:
        return
    else:
        await application(scope, _replay(body, receive), answers.without_cors(send))


@dataclass(frozen=True)
class _Claim:
    """A signature by a known key and in time: it has to fit the body too."""

    signature: signatures.Signature
    signer: verification.Signer


def _claim_of(request: Request) -> _Claim | Literal["link", "none"]:
    """What the head of a request says of its sender. Raises Refused."""
    if legacy.is_signed_so(request):
        legacy.check(request)
        return "link"
    signature = signatures.read(request)
    if signature is None:
        return "none"
    verification.check_time(signature, request)
    return _Claim(signature, verification.signer_of(signature.access_key, signature.token))


async def _check(request: Request, claim: _Claim | Literal["link", "none"], body: bytes) -> None:
    own = request.path.startswith(routes.OWN)
    if claim == "none":
        if own or not routes.is_unsigned_action(request, body):
            raise MISSING
    elif claim != "link":
        if own and not claim.signer.root:
            raise Refused("AccessDenied", f"{request.path} is for the user of this local cloud.", status=403)
        if len(body) > LARGE_BODY:
            await asyncio.to_thread(_check_signature, request, claim, body)
        else:
            _check_signature(request, claim, body)


def _check_signature(request: Request, claim: _Claim, body: bytes) -> None:
    signature, signer = claim.signature, claim.signer
    signed = payloads.signed_hash(request, signature, body)
    verification.check(request, signature, signer, signed)
    payloads.check_chunks(signature, signed, body, verification.signing_key(signature, signer.secret))


async def _refuse(send: Send, request: Request, refused: Refused) -> None:
    own = request.path.startswith(routes.OWN)
    await answers.refuse(send, request, refused, service=None if own else routes.service_of(request))


async def _read(receive: Receive, *, most: int | None) -> bytes:
    """The whole body. Raises Disconnected, and Refused when a stranger sends more than anybody unsigned may."""
    parts: list[bytes] = []
    length = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        parts.append(message.get("body", b""))
        length += len(parts[-1])
        if most is not None and length > most:
            raise MISSING
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
