"""What Lambda does on behalf of a function, with the permissions of the function's role."""

import json
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import lambda_svc
from ministack.services.cloudformation import provisioners

from localcloud import roles
from localcloud.errors import AccessDenied

HOOKS = (
    ("ministack.services.cloudformation.provisioners", "_RESOURCE_HANDLERS"),
    ("ministack.services.lambda_svc", "_get_func_record_for_ref"),
    ("ministack.services.lambda_svc", "_route_async_failure"),
    ("ministack.services.lambda_svc", "_run_sqs_batch"),
)

Config = dict[str, Any]

QUEUE_ACTIONS = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
XRAY_ACTIONS = ("xray:PutTraceSegments", "xray:PutTelemetryRecords")
RETRY_DENIED_SECONDS = 5.0

logger = logging.getLogger("localcloud")


def install() -> None:
    _install_async_failures()
    _install_queue_permissions()
    _install_deploy_checks()


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


def _install_async_failures() -> None:
    """An event whose retries are exhausted goes to the dead letter queue as it was, sent by the function's role."""
    send_to_destination = lambda_svc._route_async_failure

    def route(target_arn: str, func_name: str, event: Any, result: dict[str, Any]) -> None:
        _, config, _ = lambda_svc._get_func_record_for_ref(func_name)
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

    lambda_svc._route_async_failure = route


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


def _install_queue_permissions() -> None:
    """Lambda polls a queue with the function's role: without its permissions nothing is received."""
    run_batch = lambda_svc._run_sqs_batch

    def run_sqs_batch(esm: Config, func: Config, event: Any, batch: list[Config], *queue: str) -> None:
        role = (func.get("config") or func)["Role"]
        denials = [denial(role, action, esm["EventSourceArn"]) for action in QUEUE_ACTIONS]
        if reasons := [reason for reason in denials if reason]:
            esm["LastProcessingResult"] = f"PROBLEM: {reasons[0]}"
            logger.error("Event source mapping of %s: %s", esm["FunctionName"], reasons[0])
            for message in batch:
                message["receive_count"] -= 1
                message["visible_at"] = time.time() + RETRY_DENIED_SECONDS
            return
        run_batch(esm, func, event, batch, *queue)

    lambda_svc._run_sqs_batch = run_sqs_batch


def _install_deploy_checks() -> None:
    """Refuse, as AWS does, to create what the execution role has no permission for."""
    handlers = provisioners._RESOURCE_HANDLERS
    handlers["AWS::Lambda::Function"] = _checked(handlers["AWS::Lambda::Function"], _check_function)


def _checked(handler: Mapping[str, Any], check: Callable[[Config], None]) -> dict[str, Any]:
    create = handler["create"]

    def checked_create(logical_id: str, props: Config, stack_name: str) -> Any:
        check(props)
        return create(logical_id, props, stack_name)

    return {**handler, "create": checked_create}


def _check_function(props: Config) -> None:
    target = (props.get("DeadLetterConfig") or {}).get("TargetArn")
    if target:
        _require(props["Role"], "sqs:SendMessage" if ":sqs:" in target else "sns:Publish", target)
    if (props.get("TracingConfig") or {}).get("Mode") == "Active":
        _require(props["Role"], XRAY_ACTIONS[0], "*")


def _require(role: str, action: str, resource: str) -> None:
    if reason := denial(role, action, resource):
        operation = action.partition(":")[2]
        raise ValueError(f"The provided execution role does not have permissions to call {operation}: {reason}")
