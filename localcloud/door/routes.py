"""What a request asks for: the deployed REST API, a callback of CloudFormation, our own routes, or AWS."""

import posixpath
from enum import Enum

from ministack import app
from ministack.services import apigateway_v1
from ministack.services.cloudformation import custom_resource, wait_conditions

from localcloud.door.request import Refused, Request

HOOKS = (
    ("ministack.app", "_parse_execute_api_url"),
    ("ministack.app", "_routing_params"),
    ("ministack.app", "detect_service"),
    ("ministack.services.apigateway_v1", "find_api_scope"),
    ("ministack.services.apigateway_v1", "stages_for_api"),
    ("ministack.services.cloudformation.custom_resource", "_pending"),
    ("ministack.services.cloudformation.wait_conditions", "has_handle"),
)

OWN = "/_localcloud/"
# What an emulator adds to AWS: resets, mailboxes, health, all without credentials.
_FOREIGN = frozenset({"_aws", "_localstack", "_ministack"})
_RESPONSE, _SIGNAL = "/_ministack/cfn-response/", "/_ministack/cfn-signal/"
# The operations of STS that AWS takes without a signature: the token is the proof.
UNSIGNED_ACTIONS = frozenset({"AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"})


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
    parsed = app._parse_execute_api_url(request.header("host"), request.path)
    if parsed is None or _first_segment(request.path) in _FOREIGN - {"_aws"}:
        return False
    api_id, stage, path = parsed
    if path.startswith("/@connections") or apigateway_v1.find_api_scope(api_id) is None:
        return False
    return stage in apigateway_v1.stages_for_api(api_id)


def _is_awaited(request: Request) -> bool:
    """The answer of a custom resource's function, or a signal, that a stack waits for now."""
    if request.method != "PUT" or request.all("origin") or request.all("sec-fetch-site"):
        return False
    if request.path.startswith(_RESPONSE):
        return request.path.removeprefix(_RESPONSE) in custom_resource._pending
    return request.path.startswith(_SIGNAL) and bool(wait_conditions.has_handle(request.path.removeprefix(_SIGNAL)))


def service_of(request: Request, body: bytes = b"") -> str:
    """The service that would answer the request."""
    parameters = app._routing_params(request.method, request.path, dict(request.headers), body, dict(request.query))
    return str(app.detect_service(request.method, request.path, dict(request.headers), parameters))


def is_unsigned_action(request: Request, body: bytes) -> bool:
    """Whether AWS takes the request without a signature."""
    if request.path != "/" or request.header("x-amz-target"):
        return False
    parameters = app._routing_params(request.method, request.path, dict(request.headers), body, dict(request.query))
    actions = parameters.get("Action", [])
    return len(actions) == 1 and actions[0] in UNSIGNED_ACTIONS and service_of(request, body) == "sts"
