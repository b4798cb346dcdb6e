"""The local cloud's own routes, answered before MiniStack sees a request, and TLS as policies see it."""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from localcloud import calls

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

ROUTES: dict[tuple[str, str], Callable[[], dict[str, Any]]] = {
    ("GET", "/_localcloud/health"): lambda: {"status": "ok"},
    ("GET", "/_localcloud/calls"): calls.report,
    ("GET", "/_localcloud/unused"): calls.unused,
    ("DELETE", "/_localcloud/calls"): calls.reset,
}


def with_admin_routes(application: Application) -> Application:
    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope.get("path", ""))
        if scope["type"] != "http" or not path.startswith("/_localcloud/"):
            await application(scope, receive, send)
            return
        route = ROUTES.get((scope["method"], path))
        await _answer(send, 200 if route else 404, route() if route else {"message": f"No such route: {path}"})

    return serve


async def _answer(send: Send, status: int, content: dict[str, Any]) -> None:
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(content).encode()})


def tls_terminated(application: Application) -> Application:
    """What a TLS-terminating proxy does: policies with aws:SecureTransport see https, whatever the caller claims."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = [(name, value) for name, value in scope["headers"] if name.lower() != b"x-forwarded-proto"]
            scope = {**scope, "headers": [*headers, (b"x-forwarded-proto", b"https")]}
        await application(scope, receive, send)

    return serve
