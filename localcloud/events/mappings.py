"""SQS queues as event sources of Lambda functions: the role's permissions, partial failures, redelivery."""

import contextvars
import json
from collections.abc import Callable, Mapping, Set
from typing import Any

from localcloud import lambda_grants, platform
from localcloud.events import queues
from localcloud.events.delays import hasten
from localcloud.ministack import cloudformation, functions, scope

ACTIONS = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
_mapping: contextvars.ContextVar[dict[str, Any] | None] = contextvars.ContextVar("mapping", default=None)


class MappingError(Exception):
    """Lambda refuses the mapping; the message is Lambda's."""


def check_mapping(request: Mapping[str, Any]) -> None:
    """What Lambda checks before it polls a queue. Raises MappingError."""
    source = str(request.get("EventSourceArn", ""))
    function = functions.functions().get(functions.name_of(request.get("FunctionName", "")))
    if ":sqs:" not in source or function is None:
        return
    if not queues.exists(source):
        code = "AWS.SimpleQueueService.NonExistentQueue"
        raise MappingError(f"Error occurred while ReceiveMessage. SQS Error Code: {code}")
    config = function["config"]
    for action in ACTIONS:
        try:
            platform.check_role(config["Role"], f"sqs:{action}", source)
        except platform.AccessDenied as error:
            message = f"The provided execution role does not have permissions to call {action} on SQS"
            raise MappingError(f"{message} ({error})") from error
    visibility, timeout = int(queues.attributes(source)["VisibilityTimeout"]), int(config["Timeout"])
    if visibility < timeout:
        message = f"Queue visibility timeout: {visibility} seconds is less than Function timeout: {timeout} seconds"
        raise MappingError(message)
    if int(request.get("BatchSize") or 10) > 10 and not int(request.get("MaximumBatchingWindowInSeconds") or 0):
        message = "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
        raise MappingError(message)


def _checking_request(create: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    def handle(request: dict[str, Any]) -> Any:
        try:
            check_mapping(request)
        except MappingError as error:
            return scope.json_error("InvalidParameterValueException", str(error))
        return create(request)

    return handle


def _check_resource(properties: Mapping[str, Any]) -> None:
    try:
        check_mapping(properties)
    except MappingError as error:
        raise ValueError(f"InvalidParameterValueException: {error}") from error


def _running_batch(run: Callable[..., None]) -> Callable[..., None]:
    def run_batch(mapping: dict[str, Any], function: Any, event: Any, batch: Any, *queue: str) -> None:
        if problem := lambda_grants.polling_problem(mapping, function, batch):
            # Such a mapping keeps its own, longer pace.
            mapping["LastProcessingResult"] = problem
            return
        token = _mapping.set(mapping)
        try:
            run(mapping, function, event, batch, *queue)
        finally:
            _mapping.reset(token)
        if not mapping["LastProcessingResult"].startswith("PROBLEM"):
            handles = {record["receiptHandle"] for record in event["Records"]}
            _hasten(mapping["EventSourceArn"], handles)

    return run_batch


def _executing(execute: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """A partial batch response that Lambda cannot read fails the whole batch; MiniStack would delete all of it."""

    def execute_function(function: Any, event: Any) -> dict[str, Any]:
        result = execute(function, event)
        mapping = _mapping.get()
        if mapping is None or result.get("error"):
            return result
        reports = "ReportBatchItemFailures" in (mapping.get("FunctionResponseTypes") or [])
        ids = {record["messageId"] for record in event["Records"]}
        if reports and not is_batch_response(result.get("body"), ids):
            message = {"errorType": "InvalidBatchResponse", "errorMessage": f"not a batch response: {result['body']!r}"}
            return {**result, "error": True, "body": message}
        return result

    return execute_function


def is_batch_response(answer: Any, ids: Set[str]) -> bool:
    """Whether every failure that the answer reports is a message of the batch; nothing at all reports none."""
    try:
        document = json.loads(answer) if isinstance(answer, str) and answer else answer
        failures = (document or {}).get("batchItemFailures") or []
        return {failure["itemIdentifier"] for failure in failures} <= ids
    except (ValueError, TypeError, KeyError, AttributeError):
        return False


def _hasten(queue_arn: str, handles: Set[str]) -> None:
    """What is left of the visibility timeout of messages that this batch did not handle passes at the local pace."""
    hasten([message for message in queues.messages(queue_arn) if message["receipt_handle"] in handles])


def install() -> None:
    functions.wrap_create_mapping(_checking_request)
    functions.wrap_execution(_executing)
    functions.wrap_queue_batch(_running_batch)
    cloudformation.before_mapping(_check_resource)
