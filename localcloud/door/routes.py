"""What a request asks for: the deployed REST API, a callback of CloudFormation, our own routes, or AWS."""

import posixpath
from enum import Enum

from localcloud.door import unsigned
from localcloud.door.request import Refused, Request
from localcloud.ministack import apigateway, cloudformation, web

OWN = "/_localcloud/"
# What an emulator adds to AWS: resets, mailboxes, health, all without credentials.
_FOREIGN = frozenset({"_aws", "_localstack", "_ministack"})
_RESPONSE, _SIGNAL = "/_ministack/cfn-response/", "/_ministack/cfn-signal/"


class Route(Enum):
    """By whose rules a request is let in."""

    API = "a REST API, by its own"
    CALLBACK = "a callback of CloudFormation, by the secret in its address"
    AWS = "a signature"


def route_of(request: Request) -> Route:
    """Raises Refused for what only an emulator has."""
    if _is_deployed_api(request):
        return Route.API
    if _is_awaited(request):
        return Route.CALLBACK
    if _first_segment(request.path) in _FOREIGN:
        raise Refused("NotFound", f"There is nothing at {request.path}.", status=404)
    return Route.AWS


def _first_segment(path: str) -> str:
    return posixpath.normpath("/" + path.lower().lstrip("/")).split("/")[1]


def _is_deployed_api(request: Request) -> bool:
    parsed = web.api_address(request.header("host"), request.path)
    if parsed is None or _first_segment(request.path) in _FOREIGN - {"_aws"}:
        return False
    api_id, stage, path = parsed
    return not path.startswith("/@connections") and apigateway.is_deployed(api_id, stage)


def _is_awaited(request: Request) -> bool:
    """The answer of a custom resource's function, or a signal, that a stack waits for now."""
    if request.method != "PUT" or request.all("origin") or request.all("sec-fetch-site"):
        return False
    if request.path.startswith(_RESPONSE):
        return cloudformation.awaits_response(request.path.removeprefix(_RESPONSE))
    return request.path.startswith(_SIGNAL) and cloudformation.awaits_signal(request.path.removeprefix(_SIGNAL))


def service_of(request: Request, body: bytes = b"") -> str:
    """The service that would answer the request."""
    parameters = web.parameters_of(request.method, request.path, request.headers, body, request.query)
    return web.service_of(request.method, request.path, request.headers, parameters)


def is_unsigned_action(request: Request, body: bytes) -> bool:
    """Whether AWS takes the request without a signature."""
    if request.path != "/" or request.header("x-amz-target"):
        return False
    parameters = web.parameters_of(request.method, request.path, request.headers, body, request.query)
    actions = parameters.get("Action", [])
    return len(actions) == 1 and actions[0] in unsigned.ACTIONS and service_of(request, body) == "sts"
