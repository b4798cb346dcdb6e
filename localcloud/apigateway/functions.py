"""Functions behind a REST API: the permission to invoke one, what it may answer, and how long it may take."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from localcloud import platform
from localcloud.apigateway import objects
from localcloud.events.principals import function_allows
from localcloud.ministack import apigateway

PRINCIPAL = "apigateway.amazonaws.com"
LONGEST_SECONDS = 29.0
LARGEST_BODY = 10 * 1024 * 1024
ANSWER_MEMBERS = frozenset({"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"})
FAILED = "Internal server error"

Invoke = Callable[..., Awaitable[Any]]


class NotStartedError(Exception):
    """Lambda started no execution of the function."""


def _may_invoke(integration: Mapping[str, Any], source_arn: str) -> bool:
    """By the function's own policy, or by the role that the integration names."""
    function_arn = apigateway.function_of(integration.get("uri", ""))
    role = integration.get("credentials")
    if not role:
        return function_allows(function_arn, service=PRINCIPAL, source_arn=source_arn)
    try:
        platform.check_role(role, "lambda:InvokeFunction", function_arn)
    except platform.AccessDenied:
        return False
    return True


def _invoking(invoke: Invoke) -> Invoke:
    async def invoke_function(integration: Mapping[str, Any], *request: Any, **options: Any) -> Any:
        api_id, stage_name, _, _, path, method = request[:6]
        source_arn = apigateway.execution_arn(platform.region(), platform.account(), api_id, stage_name, method, path)
        if not _may_invoke(integration, source_arn):
            return apigateway.gateway_error("API_CONFIGURATION_ERROR", FAILED)
        seconds = float(integration.get("timeoutInMillis") or LONGEST_SECONDS * 1000) / 1000
        # The function runs on, as on AWS: only its caller stops waiting.
        running = asyncio.ensure_future(invoke(integration, *request, **options))
        done, _ = await asyncio.wait({running}, timeout=min(seconds, LONGEST_SECONDS))
        if not done:
            return apigateway.gateway_error("INTEGRATION_TIMEOUT", "Endpoint request timed out")
        try:
            return running.result()
        except NotStartedError:
            return apigateway.gateway_error("INTEGRATION_FAILURE", FAILED)

    return invoke_function


def proxy_response(result: Mapping[str, Any]) -> Any:
    """A failed function, or an answer that is no proxy response, is 502 and tells the client nothing more.

    One that Lambda did not start, since as many run as may, is a failed integration: not 429, which speaks of the
    client's own limits.
    """
    if result.get("throttle"):
        raise NotStartedError
    if result.get("error") or not is_proxy_response(result.get("body")):
        return None, FAILED
    return result["body"], None


def is_proxy_response(answer: Any) -> bool:
    """The format that a Lambda proxy integration of a REST API accepts."""
    return (
        isinstance(answer, dict)
        and set(answer) <= ANSWER_MEMBERS
        and isinstance(answer.get("statusCode", 200), int | str)
        and str(answer.get("statusCode", 200)).isdigit()
        and isinstance(answer.get("body", ""), str | None)
        and isinstance(answer.get("headers") or {}, dict)
    )


def _limiting(execute: Invoke) -> Invoke:
    async def execute_request(request: dict[str, Any], api_id: str, stage_name: str, *more: Any) -> Any:
        stage = apigateway.stage(api_id, stage_name)
        if stage and len(more[3] or b"") > LARGEST_BODY:
            # The stage's gateway responses word the refusal.
            request["stage"] = stage
            return apigateway.gateway_error("REQUEST_TOO_LARGE", "Request Too Long")
        return await execute(request, api_id, stage_name, *more)

    return execute_request


def install() -> None:
    apigateway.wrap_proxy_integration(_invoking)
    # What asks S3 is no function's.
    apigateway.wrap_aws_integration(lambda invoke: objects.reading(_invoking(invoke)))
    apigateway.replace_proxy_answer(proxy_response)
    apigateway.wrap_execution(_limiting)
