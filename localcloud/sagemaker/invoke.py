"""InvokeEndpoint: POST /endpoints/<name>/invocations, with the errors that the runtime has."""

import json
import re
import time
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote

import urllib3

from localcloud import platform
from localcloud.jsonservice import service_model
from localcloud.sagemaker import endpointmetrics
from localcloud.sagemaker.endpoints import Endpoint
from localcloud.sagemaker.faults import invalid
from localcloud.sagemaker.fleets import Fleet
from localcloud.sagemaker.hosting import Gone, Unhealthy
from localcloud.sagemaker.store import STORE
from localcloud.sagemaker.variants import Variant

PATH = re.compile(r"/endpoints/([^/]+)/invocations/?")
MEGABYTE = 1 << 20
SERVERLESS_BYTES, INSTANCE_BYTES = 4 * MEGABYTE, 25 * MEGABYTE
VARIANT = "X-Amzn-SageMaker-Target-Variant".lower()
MODEL = "X-Amzn-SageMaker-Target-Model".lower()
ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
TIMED_OUT = "Your invocation timed out while waiting for a response from container primary."
_UNSUPPORTED = ("Target-Container-Hostname", "Inference-Component", "Session-Id", "Enable-Explanations")

Response = tuple[int, dict[str, str], bytes]


def handle(
    method: str, path: str, headers: Mapping[str, str], body: bytes, _query: Mapping[str, list[str]]
) -> Response:
    match = PATH.fullmatch(path)
    if method != "POST" or match is None:
        return _error(
            404, "UnknownOperationException", f"{method} {path} is not implemented by the local sagemaker-runtime"
        )
    for name in _UNSUPPORTED:
        if f"x-amzn-sagemaker-{name}".lower() in headers:
            return _error(400, "ValidationError", f"X-Amzn-SageMaker-{name} is not supported by the local SageMaker")
    name = unquote(match[1])
    endpoint = STORE.endpoints.get(name)
    fleet = endpoint.fleet() if endpoint is not None else None
    if endpoint is None or fleet is None:
        return _not_found(name, endpoint)
    limit = SERVERLESS_BYTES if fleet.serverless else INSTANCE_BYTES
    if len(body) > limit:
        return _error(400, "ValidationError", f"The request body has {len(body)} bytes; endpoint {name} takes {limit}")
    return _invoke(endpoint, fleet, headers, body)


def _not_found(name: str, endpoint: Endpoint | None) -> Response:
    if endpoint is None:
        message = f"Endpoint {name} of account {platform.account()} not found."
    else:
        message = (
            f"Endpoint {name} of account {platform.account()} is not InService: {endpoint.record['EndpointStatus']}."
        )
    return _error(400, "ValidationError", message)


class Exchange(NamedTuple):
    """A request that reached a variant; status 0 stands for no answer."""

    fleet: Fleet
    variant: Variant
    status: int
    body: bytes
    headers: Mapping[str, str]
    seconds: float


def _invoke(endpoint: Endpoint, fleet: Fleet, headers: Mapping[str, str], body: bytes) -> Response:
    began = time.perf_counter()
    try:
        exchange = _ask(endpoint, fleet, headers, body)
    except platform.OperationError as error:
        return _error(400, "ValidationError", error.message)
    if exchange is None:
        return _not_found(endpoint.name, endpoint)
    endpointmetrics.record(
        endpoint=endpoint.name,
        variant=exchange.variant.name,
        config=exchange.fleet.config_name,
        status=exchange.status,
        model_seconds=exchange.seconds,
        overhead_seconds=time.perf_counter() - began - exchange.seconds,
    )
    if exchange.status != 200:
        return _model_error(exchange.variant, exchange.status, exchange.body.decode("utf-8", errors="replace"))
    sent = {
        "Content-Type": exchange.headers.get("Content-Type", ""),
        "x-Amzn-Invoked-Production-Variant": exchange.variant.name,
    }
    if ATTRIBUTES in exchange.headers:
        sent[ATTRIBUTES] = exchange.headers[ATTRIBUTES]
    return 200, sent, exchange.body


def _ask(endpoint: Endpoint, fleet: Fleet, headers: Mapping[str, str], body: bytes) -> Exchange | None:
    """Ask the fleet, or the one that has taken its place; None when the endpoint is being deleted."""
    asked = {
        "Content-Type": headers.get("content-type", "application/octet-stream"),
        "Accept": headers.get("accept", "*/*"),
    }
    if ATTRIBUTES.lower() in headers:
        asked[ATTRIBUTES] = headers[ATTRIBUTES.lower()]
    current: Fleet | None = fleet
    while current is not None:
        variant, began = current.choose(headers.get(VARIANT)), time.perf_counter()
        received: Mapping[str, str] = {}
        model = _target_model(endpoint, variant, headers)
        try:
            answer = variant.server_of(model).invoke(body, asked)
        except Gone:
            current = endpoint.live
            continue
        except urllib3.exceptions.TimeoutError:
            status, content = 0, TIMED_OUT.encode()
        except (urllib3.exceptions.HTTPError, Unhealthy) as error:
            status, content = 500, f"The container did not answer: {error}".encode()
        else:
            status, content, received = answer.status, answer.data, dict(answer.headers)
        return Exchange(current, variant, status, content, received, time.perf_counter() - began)
    return None


def _target_model(endpoint: Endpoint, variant: Variant, headers: Mapping[str, str]) -> str:
    model = headers.get(MODEL, "")
    if variant.multi_model and not model:
        raise invalid(f"Request to multi-model endpoint {endpoint.name} is missing a target model header")
    if model and not variant.multi_model:
        raise invalid(
            f"Endpoint {endpoint.name} is not a multi-model endpoint and does not support target model header."
        )
    return model


def _model_error(variant: Variant, status: int, message: str) -> Response:
    """424: the container itself refused or failed; what it said is the original message, as far as one may be long."""
    client, log = 400 <= status <= 499, variant.server.log
    kind = "client error" if client else "server error"
    region, account = platform.region(), platform.account()
    console = (
        f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}#logEventViewer:group={log.group}"
    )
    told = (
        f'Received {kind} ({status}) from primary with message "{message}". See {console} in account {account} '
        "for more information."
    )
    members = service_model("sagemaker-runtime").shape_for("ModelError").members
    return _error(
        424,
        "ModelError",
        told[: members["Message"].metadata["max"]],
        ErrorCode="CLIENT_ERROR_FROM_MODEL" if client else "INTERNAL_FAILURE_FROM_MODEL",
        LogStreamArn=platform.arn("logs", f"log-group:{log.group}"),
        OriginalMessage=message[: members["OriginalMessage"].metadata["max"]],
        OriginalStatusCode=status,
    )


def _error(status: int, code: str, message: str, **members: object) -> Response:
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": code}
    return status, headers, json.dumps({**members, "Message": message, "message": message}).encode()
