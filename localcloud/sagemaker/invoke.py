"""InvokeEndpoint: POST /endpoints/<name>/invocations, with the errors that the runtime has."""

import json
import re
from collections.abc import Mapping
from urllib.parse import unquote

import urllib3

from localcloud import platform
from localcloud.sagemaker.endpoints import Endpoint
from localcloud.sagemaker.hosting import Gone
from localcloud.sagemaker.store import STORE
from localcloud.sagemaker.variants import Variant

PATH = re.compile(r"/endpoints/([^/]+)/invocations/?")
MEGABYTE = 1 << 20
SERVERLESS_BYTES, INSTANCE_BYTES = 4 * MEGABYTE, 25 * MEGABYTE
VARIANT = "X-Amzn-SageMaker-Target-Variant".lower()
ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
_UNSUPPORTED = ("Target-Model", "Target-Container-Hostname", "Inference-Component", "Session-Id", "Enable-Explanations")

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
    if endpoint is None or not endpoint.variants:
        return _not_found(name, endpoint)
    limit = SERVERLESS_BYTES if endpoint.serverless else INSTANCE_BYTES
    if len(body) > limit:
        return _error(400, "ValidationError", f"The request body has {len(body)} bytes; endpoint {name} takes {limit}")
    return _invoke(endpoint, headers, body)


def _not_found(name: str, endpoint: Endpoint | None) -> Response:
    if endpoint is None:
        message = f"Endpoint {name} of account {platform.account()} not found."
    else:
        message = (
            f"Endpoint {name} of account {platform.account()} is not InService: {endpoint.record['EndpointStatus']}."
        )
    return _error(400, "ValidationError", message)


def _invoke(endpoint: Endpoint, headers: Mapping[str, str], body: bytes) -> Response:
    try:
        variant = endpoint.choose(headers.get(VARIANT))
    except platform.OperationError as error:
        return _error(400, "ValidationError", error.message)
    asked = {
        "Content-Type": headers.get("content-type", "application/octet-stream"),
        "Accept": headers.get("accept", "*/*"),
    }
    if ATTRIBUTES.lower() in headers:
        asked[ATTRIBUTES] = headers[ATTRIBUTES.lower()]
    try:
        answer = variant.server.invoke(body, asked)
    except Gone:
        return _invoke(endpoint, headers, body) if endpoint.variants else _not_found(endpoint.name, endpoint)
    except urllib3.exceptions.TimeoutError:
        return _model_error(
            variant, 0, "Your invocation timed out while waiting for a response from container primary."
        )
    except urllib3.exceptions.HTTPError as error:
        return _model_error(variant, 0, f"The container did not answer: {error}")
    if answer.status != 200:
        return _model_error(variant, answer.status, answer.data.decode("utf-8", errors="replace"))
    sent = {"Content-Type": answer.headers.get("Content-Type", ""), "x-Amzn-Invoked-Production-Variant": variant.name}
    if ATTRIBUTES in answer.headers:
        sent[ATTRIBUTES] = answer.headers[ATTRIBUTES]
    return 200, sent, answer.data


def _model_error(variant: Variant, status: int, message: str) -> Response:
    """424: the container itself refused or failed; what it said is the original message."""
    client, log = 400 <= status <= 499, variant.server.log
    kind = "client error" if client else "server error"
    region, account = platform.region(), platform.account()
    console = (
        f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}#logEventViewer:group={log.group}"
    )
    return _error(
        424,
        "ModelError",
        f'Received {kind} ({status}) from primary with message "{message}". See {console} in account {account} '
        "for more information.",
        ErrorCode="CLIENT_ERROR_FROM_MODEL" if client else "INTERNAL_FAILURE_FROM_MODEL",
        LogStreamArn=platform.arn("logs", f"log-group:{log.group}"),
        OriginalMessage=message,
        OriginalStatusCode=status,
    )


def _error(status: int, code: str, message: str, **members: object) -> Response:
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": code}
    return status, headers, json.dumps({**members, "Message": message, "message": message}).encode()
