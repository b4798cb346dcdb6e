"""How requests come to a service of MiniStack: the application, its services, and the scope of a request."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from ministack import app as _app
from ministack.core import iam_actions as _actions
from ministack.core import router as _router

from localcloud.ministack.replacing import wrap, wrap_entry

Response = tuple[int, dict[str, str], bytes]
# method, path, headers (lower-case names), body, query -> response
Handler = Callable[[str, str, dict[str, str], bytes, dict[str, Any]], Awaitable[Any]]


def application() -> Any:
    """The ASGI application that answers for all services."""
    return _app.app


def register_service(name: str, handler: Handler, *, target_prefix: str, models: Sequence[str] = ()) -> None:
    """Serve a service that MiniStack lacks, or in the place of its own.

    Requests come to it by the host name `name.*` or by an X-Amz-Target that begins with `target_prefix`. Permissions
    are checked as `name:<operation>`; `models` names the botocore models that tell operations of REST requests.
    """
    _app.SERVICE_HANDLERS[name] = handler
    _router.SERVICE_PATTERNS[name] = {"host_patterns": [rf"{name}\."], "target_prefixes": [target_prefix]}
    _actions.SERVICE_TO_IAM_NAMESPACE[name] = name
    if models:
        _actions._BOTOCORE_SERVICE_MAP[name] = list(models)


def has_service(name: str) -> bool:
    return name in _app.SERVICE_HANDLERS


def answer_for_absent(make: Callable[[str], Handler]) -> None:
    """`make` gives the handler of a service, by its name, that nobody serves."""
    wrap(_app, "SERVICE_HANDLERS", lambda served: _Served(served, make))


class _Served(dict[str, Handler]):
    """Asked for a service that is not there, it gives the handler that says so; it does not list it."""

    def __init__(self, served: Mapping[str, Handler], make: Callable[[str], Handler]) -> None:
        super().__init__(served)
        self._make = make

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self else self._make(name)


def wrap_service(name: str, make: Callable[[Handler], Handler]) -> None:
    """See every request of a service before it does, after its own permission check. Once a service."""
    wrap_entry(_app.SERVICE_HANDLERS, name, make, of="ministack.app.SERVICE_HANDLERS")


def parameters_of(method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, Any]) -> Any:
    """The query, with the form of the body where the protocol has one: {name: [values]}."""
    return _app._routing_params(method, path, dict(headers), body, dict(query))


def service_of(method: str, path: str, headers: Mapping[str, str], parameters: Any) -> str:
    """The service that would answer a request with these `parameters_of`."""
    return str(_app.detect_service(method, path, dict(headers), parameters))


def api_address(host: str, path: str) -> tuple[str, str, str] | None:
    """API, stage and path of a request to a deployed REST API; None for every other one."""
    found: tuple[str, str, str] | None = _app._parse_execute_api_url(host, path)
    return found


def access_key_of(headers: Mapping[str, Any], query: Mapping[str, Any]) -> str:
    """The access key that a request is signed with, "" for none."""
    return str(_router.extract_access_key_id(headers, query) or "")


def fix_content_type(service: str, status: int, headers: dict[str, str]) -> None:
    """Give a refusal the content type of the service's protocol, in place."""
    _app.fix_error_content_type(service, status, headers)


def wrap_api_permission(make: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Around the check of who calls a deployed API: (api, stage, method, path, ...) -> refusal or None."""
    wrap(_app, "_enforce_execute_api", make)


def api_authorization(api_id: str, stage: str, method: str, path: str) -> Any:
    """How a method of a deployed API authorises its callers; None when there is no such method."""
    return _app._execute_api_authorization_type(api_id, stage, method, path)
