"""Deleting what AWS takes its time to delete, and what it says when that fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import WaiterError

from cli.errors import CliError
from cli.target import Target

AGAIN = "Mend that, then run it again: it goes on with what is left."


@dataclass(frozen=True)
class Failure:
    """A resource that CloudFormation could not delete."""

    logical_id: str
    kind: str
    physical_id: str
    reason: str

    def __str__(self) -> str:
        return f"{self.logical_id} ({self.kind}): {self.reason}"


@dataclass(eq=False)
class StackError(CliError):
    """A stack that is still there, and what kept it."""

    failures: tuple[Failure, ...] = field(default=())


def delete_stack(target: Target, stack: str) -> None:
    """Raises StackError with every resource that could not be deleted."""
    cloudformation = target.client("cloudformation")
    cloudformation.delete_stack(StackName=stack)
    try:
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack, WaiterConfig=_pace(target))
    except WaiterError as error:
        failures = tuple(_failures(target, stack))
        told = "; ".join(map(str, failures)) or _reason(error)
        raise StackError(f"Stack {stack} was not deleted: {told}", AGAIN, failures=failures) from error


def wait(target: Target, service: str, waiter: str, what: str, **named: str) -> None:
    """Until the waiter of boto3 is content. Raises CliError with what AWS says of `what` ("endpoint a-b") otherwise."""
    try:
        target.client(service).get_waiter(waiter).wait(WaiterConfig=_pace(target), **named)
    except WaiterError as error:
        raise CliError(f"Waiting for {what} failed: {_reason(error)}", AGAIN) from error


def _reason(error: WaiterError) -> str:
    answer: dict[str, Any] = error.last_response or {}
    reason = answer.get("FailureReason") or (answer.get("Error") or {}).get("Message")
    return str(reason or error)


def _failures(target: Target, stack: str) -> Iterator[Failure]:
    """Of the last attempt: events come newest first, and it begins with that of the stack itself."""
    pages = target.client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=stack)
    for event in (event for page in pages for event in page["StackEvents"]):
        own = event.get("PhysicalResourceId") == event["StackId"]
        if own and event["ResourceStatus"] == "DELETE_IN_PROGRESS":
            return
        if not own and event["ResourceStatus"] == "DELETE_FAILED":
            yield Failure(
                event["LogicalResourceId"],
                event["ResourceType"],
                event.get("PhysicalResourceId", ""),
                event.get("ResourceStatusReason", "CloudFormation gives no reason"),
            )


def _pace(target: Target) -> dict[str, int]:
    return {"Delay": 1, "MaxAttempts": 120} if target.where == "local" else {"Delay": 10, "MaxAttempts": 360}
