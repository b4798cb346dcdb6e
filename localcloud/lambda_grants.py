"""What Lambda does on behalf of a function, with the permissions of the function's role."""

import json
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from localcloud import roles
from localcloud.errors import AccessDenied
from localcloud.ministack import cloudformation, functions

Config = dict[str, Any]

QUEUE_ACTIONS = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
XRAY_ACTIONS = ("xray:PutTraceSegments", "xray:PutTelemetryRecords")
RETRY_DENIED_SECONDS = 5.0

logger = logging.getLogger("localcloud")


def install() -> None:
    functions.wrap_async_failure(_routing)
    cloudformation.before("AWS::Lambda::Function", lambda _, properties: _check_function(properties), updates=False)


def send_trace(role: str) -> None:
    """X-Ray itself is not emulated; the role's permissions to send traces are checked."""
    for action in XRAY_ACTIONS:
        if reason := denial(role, action, "*"):
            logger.warning("No trace: %s", reason)


def denial(role: str, action: str, resource: str) -> str | None:
    try:
        roles.check_role(role, action, resource)
    except AccessDenied as denied:
        return str(denied)
    return None


def _routing(send_to_destination: Callable[..., None]) -> Callable[..., None]:
    """An event whose retries are exhausted goes to the dead letter queue as it was, sent by the function's role."""

    def route(target_arn: str, func_name: str, event: Any, result: dict[str, Any]) -> None:
        _, config, _ = functions.find(func_name)
        assert config is not None
        service = target_arn.split(":")[2]
        action = {"sqs": "sqs:SendMessage", "sns": "sns:Publish", "lambda": "lambda:InvokeFunction"}[service]
        if reason := denial(config["Role"], action, target_arn):
            logger.error("The failed event of %s is lost: %s", func_name, reason)
            return
        dead_letter = (config.get("DeadLetterConfig") or {}).get("TargetArn")
        if service == "sqs" and target_arn == dead_letter:
            _send_to_queue(config["Role"], target_arn, event, result["body"])
        else:
            send_to_destination(target_arn, func_name, event, result)

    return route


def _send_to_queue(role: str, queue_arn: str, event: Any, error: Mapping[str, Any]) -> None:
    region, account, name = queue_arn.split(":")[3:]
    client: Any = roles.client(roles.role_session(role, "awslambda"), "sqs")
    attributes = {
        "RequestID": str(error.get("requestId", "")),
        "ErrorCode": "200",
        "ErrorMessage": str(error.get("errorMessage", ""))[:1024],
    }
    client.send_message(
        QueueUrl=f"https://sqs.{region}.amazonaws.com/{account}/{name}",
        MessageBody=json.dumps(event),
        MessageAttributes={
            key: {"DataType": "String", "StringValue": value} for key, value in attributes.items() if value
        },
    )


def polling_problem(mapping: Config, function: Config, batch: list[Config]) -> str:
    """Why Lambda, which polls a queue with the function's role, receives nothing: the batch is then as it was before.

    "" when the role has the permissions.
    """
    role = (function.get("config") or function)["Role"]
    denials = [denial(role, action, mapping["EventSourceArn"]) for action in QUEUE_ACTIONS]
    reason = next((found for found in denials if found), None)
    if reason is None:
        return ""
    logger.error("Event source mapping of %s: %s", mapping["FunctionName"], reason)
    for message in batch:
        message["receive_count"] -= 1
        message["visible_at"] = time.time() + RETRY_DENIED_SECONDS
    return f"PROBLEM: {reason}"


def _check_function(props: Mapping[str, Any]) -> None:
    """Refuse, as AWS does, to create what the execution role has no permission for."""
    target = (props.get("DeadLetterConfig") or {}).get("TargetArn")
    if target:
        _require(props["Role"], "sqs:SendMessage" if ":sqs:" in target else "sns:Publish", target)
    if (props.get("TracingConfig") or {}).get("Mode") == "Active":
        _require(props["Role"], XRAY_ACTIONS[0], "*")


def _require(role: str, action: str, resource: str) -> None:
    if reason := denial(role, action, resource):
        operation = action.partition(":")[2]
        raise ValueError(f"The provided execution role does not have permissions to call {operation}: {reason}")
