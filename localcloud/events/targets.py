"""Lambda functions and queues as targets of EventBridge rules and of schedules; log groups as targets of rules."""

import contextvars
import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from localcloud import platform
from localcloud.events import clock, queues
from localcloud.events.delivery import Delivery, DeliveryError, deliver
from localcloud.events.principals import function_allows, log_stream_allows, queue_allows
from localcloud.ministack import events, functions, logs

LOG_GROUP = "arn:aws:logs:"

_delivery: contextvars.ContextVar[Delivery] = contextvars.ContextVar("delivery")


def _invoking(invoke: Callable[..., None]) -> Callable[..., None]:
    """MiniStack computes the payload; the dispatchers below need to know for whom."""

    def invoke_target(
        target: Mapping[str, Any], event: Mapping[str, Any], rule: Mapping[str, Any], view: Any = None
    ) -> None:
        view = view or events.view_of(event)
        token = _delivery.set(Delivery(target, rule.get("Arn", ""), view.event_with_detail()))
        try:
            if target.get("Arn", "").startswith(LOG_GROUP):
                dispatch_to_logs(target["Arn"])
            else:
                invoke(target, event, rule, view)
        finally:
            _delivery.reset(token)

    return invoke_target


def dispatch_to_lambda(arn: str, payload: str) -> None:
    delivery = _delivery.get()
    platform.spawn(deliver, delivery, partial(_invoke_function, delivery, arn, payload))


def dispatch_to_sqs(spec: Any, payload: str, parameters: Mapping[str, Any] | None = None) -> None:
    delivery = _delivery.get()
    group = (parameters or {}).get("MessageGroupId")
    platform.spawn(deliver, delivery, partial(_send_message, delivery, str(spec), payload, group))


def dispatch_to_logs(arn: str) -> None:
    delivery = _delivery.get()
    platform.spawn(deliver, delivery, partial(_write_event, delivery, arn))


def _write_event(delivery: Delivery, arn: str) -> None:
    """The event as one line, in a stream of its own."""
    changed = [name for name in ("Input", "InputPath", "InputTransformer") if delivery.target.get(name)]
    if changed:
        raise DeliveryError("INVALID_PARAMETER", f"{changed[0]}: only whole events can be written to a log group here.")
    group, stream = arn.split(":", 6)[6].removesuffix(":*"), str(delivery.event["id"])
    if logs.streams(group) is None:
        raise DeliveryError("NO_RESOURCE", f"The specified log group does not exist: {group}")
    stream_arn = f"{arn.removesuffix(':*')}:log-stream:{stream}"
    _authorize(delivery, "logs:PutLogEvents", stream_arn, by_policy=log_stream_allows)
    platform.put_log(group, stream, [json.dumps(delivery.event)])


def _invoke_function(delivery: Delivery, arn: str, payload: str) -> None:
    """Asynchronous, as on AWS: once accepted, errors of the function are Lambda's to retry, not EventBridge's."""
    function, config, _ = functions.find(arn)
    if not function or not config:
        raise DeliveryError("NO_RESOURCE", f"Function not found: {arn}")
    _authorize(delivery, "lambda:InvokeFunction", arn, by_policy=function_allows)
    if clock.leaves_out(config["FunctionArn"], delivery.event):
        return
    functions.run_async(function, config, json.loads(payload))


def _send_message(delivery: Delivery, arn: str, payload: str, group: str | None) -> None:
    if not queues.exists(arn):
        raise DeliveryError("NO_RESOURCE", f"The specified queue does not exist: {arn}")
    _authorize(delivery, "sqs:SendMessage", arn, by_policy=queue_allows)
    if queues.is_fifo(arn) and not group:
        raise DeliveryError("INVALID_PARAMETER", "The request must contain the parameter MessageGroupId.")
    queues.put(arn, payload, group=group)


def _authorize(delivery: Delivery, action: str, arn: str, *, by_policy: Callable[..., bool]) -> None:
    """A rule needs the resource's own policy, a schedule acts as the role of its target."""
    if delivery.scheduled:
        _authorize_role(delivery, action, arn)
    elif not by_policy(arn, service=delivery.principal, source_arn=delivery.source_arn):
        message = (
            f"User: {delivery.principal} is not authorized to perform: {action} on resource: {arn} "
            f"because no resource-based policy allows the {action} action for {delivery.source_arn}"
        )
        raise DeliveryError("NO_PERMISSIONS", message)


def _authorize_role(delivery: Delivery, action: str, arn: str) -> None:
    role_arn = delivery.target["RoleArn"]
    # The scheduler says for which group of schedules it acts, not for which schedule.
    group = delivery.source_arn.replace(":schedule/", ":schedule-group/").rpartition("/")[0]
    try:
        platform.role_credentials(role_arn, "scheduler", service=delivery.principal, source_arn=group)
    except platform.AccessDenied as error:
        raise DeliveryError("FAILED_TO_ASSUME_ROLE", str(error)) from error
    try:
        platform.check_role(role_arn, action, arn)
    except platform.AccessDenied as error:
        raise DeliveryError("NO_PERMISSIONS", str(error)) from error


def install() -> None:
    events.wrap_target(_invoking)
    events.replace_target_kinds(function=dispatch_to_lambda, queue=dispatch_to_sqs)
