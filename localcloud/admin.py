"""The local cloud's own routes, answered before MiniStack sees a request, and TLS as policies see it."""

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

from localcloud import calls
from localcloud.events import losses

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

# What a route answers to the parameters of its query.
Route = Callable[[Mapping[str, str]], dict[str, Any]]

ROUTES: dict[tuple[str, str], Route] = {
    ("GET", "/_localcloud/health"): lambda _: {"status": "ok"},
    ("GET", "/_localcloud/calls"): lambda _: calls.report(),
    ("GET", "/_localcloud/unused"): lambda _: calls.unused(),
    ("DELETE", "/_localcloud/calls"): lambda _: calls.reset(),
    ("POST", "/_localcloud/losses"): losses.lose,
    ("GET", "/_localcloud/losses"): lambda _: losses.report(),
    ("DELETE", "/_localcloud/losses"): lambda _: losses.forget(),
}


def with_admin_routes(application: Application) -> Application:
    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope.get("path", ""))
        if scope["type"] != "http" or not path.startswith("/_localcloud/"):
            await application(scope, receive, send)
            return
        route = ROUTES.get((scope["method"], path))
        query = dict(parse_qsl(scope.get("query_string", b"").decode()))
        await _answer(send, 200 if route else 404, route(query) if route else {"message": f"No such route: {path}"})

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
