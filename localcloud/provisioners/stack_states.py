"""Stacks that failed or went list what they held, keep their protection, and give their name to no other stack."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

from localcloud.ministack import cloudformation

Stack = dict[str, Any]
Handler = Callable[[Mapping[str, Any]], Any]

# Of these, what was taken away again is listed with what became of it; of others only what is there.
ENDED = ("CREATE_FAILED", "ROLLBACK_", "DELETE_")
LISTINGS = ("ListStackResources", "DescribeStackResources", "DescribeStackResource")
# A deleted stack answers to its id alone.
BY_NAME = (*LISTINGS, "GetTemplate")

_asked: ContextVar[str] = ContextVar("asked", default="")


def _resolving(resolve: Callable[[str], Stack | None]) -> Callable[[str], Stack | None]:
    def resolve_stack(name: str) -> Stack | None:
        stack = resolve(name)
        if stack is None or _asked.get() not in BY_NAME:
            return stack
        if stack["StackStatus"] == "DELETE_COMPLETE" and name != stack["StackId"]:
            return None
        return {**stack, "_resources": listed(stack)} if _asked.get() in LISTINGS else stack

    return resolve_stack


def listed(stack: Mapping[str, Any]) -> dict[str, Any]:
    """The stack's resources by logical id, with those that a failed creation or a deletion took away or left behind."""
    resources: dict[str, Any] = dict(stack.get("_resources") or {})
    if not stack["StackStatus"].startswith(ENDED):
        return resources
    last = {event["LogicalResourceId"]: event for event in cloudformation.stack_events(stack["StackId"])}
    for name, event in last.items():
        if name not in resources and event["ResourceType"] != "AWS::CloudFormation::Stack":
            resources[name] = {**event, "PhysicalResourceId": _physical_id(stack, name)}
    return resources


def _physical_id(stack: Mapping[str, Any], logical_id: str) -> str:
    """Of the newest event that has one: what never came to be has none."""
    events = cloudformation.stack_events(stack["StackId"])
    ids = [event["PhysicalResourceId"] for event in events if event["LogicalResourceId"] == logical_id]
    return next((found for found in reversed(ids) if found), "")


@contextmanager
def _asking(action: str) -> Iterator[None]:
    token = _asked.set(action)
    try:
        yield
    finally:
        _asked.reset(token)


def _listing(action: str, handler: Handler) -> Handler:
    def handle(parameters: Mapping[str, Any]) -> Any:
        with _asking(action):
            return handler(parameters)

    return handle


def _creating(action: str, handler: Handler) -> Handler:
    """A stack that was rolled back has to be deleted first; a change set for a new stack leaves it protected."""

    def handle(parameters: Mapping[str, Any]) -> Any:
        name = cloudformation.parameter(parameters, "StackName")
        creates = action == "CreateStack" or cloudformation.parameter(parameters, "ChangeSetType", "UPDATE") != "UPDATE"
        before = cloudformation.find_stack(name) if creates and name else None
        if before is not None and before["StackStatus"] == "ROLLBACK_COMPLETE":
            return _refusal(action, parameters, before)
        protected = before is not None and before["StackStatus"] == "REVIEW_IN_PROGRESS" and before.get(PROTECTION)
        answer = handler(parameters)
        if protected and (after := cloudformation.find_stack(name)) is not None:
            after[PROTECTION] = True
        return answer

    return handle


PROTECTION = "EnableTerminationProtection"


def _refusal(action: str, parameters: Mapping[str, Any], stack: Mapping[str, Any]) -> Any:
    if action == "CreateStack":
        return cloudformation.error("AlreadyExistsException", f"Stack [{stack['StackName']}] already exists")
    kind = cloudformation.parameter(parameters, "ChangeSetType")
    if kind == "CREATE":
        name = cloudformation.parameter(parameters, "ChangeSetName")
        words = f"Stack [{stack['StackName']}] already exists and cannot be created again with the changeSet [{name}]."
    else:
        words = f"Stack:{stack['StackId']} is in ROLLBACK_COMPLETE state and can not be updated."
    return cloudformation.error("ValidationError", words)


def install() -> None:
    cloudformation.wrap_stack_lookup(_resolving)
    for action in BY_NAME:
        cloudformation.wrap_action(action, partial(_listing, action))
    for action in ("CreateStack", "CreateChangeSet"):
        cloudformation.wrap_action(action, partial(_creating, action))
