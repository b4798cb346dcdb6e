"""One create, update or delete of one stack: followed to its end, with the reasons of a failure."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from localcloud.assembly import StackArtifact

BODY_BYTES = 51_200
POLL_SECONDS = 0.05
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
DEPLOYED = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
UNUSABLE = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED")


@dataclass(frozen=True)
class DeployEvent:
    """Progress of one stack; `seconds` since its deployment began."""

    stack: str
    status: str
    reason: str
    seconds: float


@dataclass(frozen=True)
class Failure:
    """A resource that could not be created, updated or deleted."""

    logical_id: str
    resource_type: str
    reason: str


class DeployError(Exception):
    """A stack failed; `failures` names each resource with its type and reason."""

    def __init__(self, stack: str, failures: tuple[Failure, ...]) -> None:
        details = "; ".join(f"{item.logical_id} ({item.resource_type}): {item.reason}" for item in failures)
        super().__init__(f"stack {stack}: {details}")
        self.stack = stack
        self.failures = failures


OnEvent = Callable[[DeployEvent], None]


def ignore(event: DeployEvent) -> None:
    del event


class Clients:
    def __init__(self, session: boto3.Session, endpoint: str) -> None:
        self.endpoint = endpoint
        self.cloudformation: Any = session.client("cloudformation", endpoint_url=endpoint)
        self.s3: Any = session.client("s3", endpoint_url=endpoint, config=Config(s3={"addressing_style": "path"}))
        self.ssm: Any = session.client("ssm", endpoint_url=endpoint)


class Operation:
    """One create, update or delete of one stack."""

    def __init__(self, clients: Clients, name: str, on_event: OnEvent, timeout: float) -> None:
        self._clients = clients
        self._cloudformation = clients.cloudformation
        self._name = name
        self._on_event = on_event
        self._timeout = timeout
        self._started = time.monotonic()

    def deploy(self, stack: StackArtifact) -> dict[str, str]:
        """The stack's outputs."""
        current = self._describe()
        if current and current["StackStatus"] in UNUSABLE:
            self.delete()
            current = None
        verb = "update" if current else "create"
        if current and current.get("EnableTerminationProtection", False) != stack.protected:
            self._cloudformation.update_termination_protection(
                StackName=self._name, EnableTerminationProtection=stack.protected
            )
        self._report(f"{verb.upper()}_IN_PROGRESS")
        known = self._event_ids(current)
        request = self._request(stack) | ({} if current else {"EnableTerminationProtection": stack.protected})
        try:
            getattr(self._cloudformation, f"{verb}_stack")(**request)
        except ClientError as error:
            message = error.response["Error"]["Message"]
            if current and "No updates are to be performed" in message:
                self._report("NO_CHANGES")
                return outputs_of(current)
            raise DeployError(self._name, (_template_failure(stack, message),)) from error
        final = self._wait()
        if final["StackStatus"] not in DEPLOYED:
            raise DeployError(self._name, self._failures(final, known))
        return outputs_of(final)

    def delete(self) -> list[Failure]:
        current = self._describe()
        if current is None:
            return []
        known = self._event_ids(current)
        self._report("DELETE_IN_PROGRESS")
        try:
            self._cloudformation.delete_stack(StackName=self._name)
        except ClientError as error:  # it is protected, or another stack imports from it
            reason = Failure(self._name, "AWS::CloudFormation::Stack", error.response["Error"]["Message"])
            raise DeployError(self._name, (reason,)) from error
        final = self._wait(current["StackId"])
        if final["StackStatus"] != "DELETE_COMPLETE":
            raise DeployError(self._name, self._failures(final, known))
        skipped = [event for event in self._events(current["StackId"]) if event["ResourceStatus"] == "DELETE_SKIPPED"]
        return [
            Failure(event["LogicalResourceId"], event["ResourceType"], event["PhysicalResourceId"])
            for event in skipped
            if event["EventId"] not in known
        ]

    def _request(self, stack: StackArtifact) -> dict[str, Any]:
        body = stack.template.read_text()
        request: dict[str, Any] = {
            "StackName": self._name,
            "Capabilities": CAPABILITIES,
            "Tags": [{"Key": key, "Value": value} for key, value in stack.tags.items()],
        }
        if len(body.encode()) <= BODY_BYTES or stack.template_url is None:
            return {**request, "TemplateBody": body}
        return {**request, "TemplateURL": f"{self._clients.endpoint}/{stack.template_url.removeprefix('s3://')}"}

    def _wait(self, name_or_id: str | None = None) -> Mapping[str, Any]:
        while True:
            description = self._describe(name_or_id)
            if description and not description["StackStatus"].endswith("IN_PROGRESS"):
                self._report(description["StackStatus"], description.get("StackStatusReason", ""))
                return description
            if time.monotonic() - self._started > self._timeout:
                reason = f"not finished after {self._timeout:.0f} s"
                raise DeployError(self._name, (Failure(self._name, "AWS::CloudFormation::Stack", reason),))
            time.sleep(POLL_SECONDS)

    def _describe(self, name_or_id: str | None = None) -> Mapping[str, Any] | None:
        try:
            found: Mapping[str, Any] = self._cloudformation.describe_stacks(StackName=name_or_id or self._name)[
                "Stacks"
            ][0]
        except ClientError as error:
            if "does not exist" in error.response["Error"]["Message"]:
                return None
            raise
        return found

    def _events(self, stack_id: str) -> list[Mapping[str, Any]]:
        pages = self._cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack_id)
        return [event for page in pages for event in page["StackEvents"]]

    def _event_ids(self, current: Mapping[str, Any] | None) -> set[str]:
        return {event["EventId"] for event in self._events(current["StackId"])} if current else set()

    def _failures(self, final: Mapping[str, Any], known: set[str]) -> tuple[Failure, ...]:
        events = [event for event in self._events(final["StackId"]) if event["EventId"] not in known]
        failed = [event for event in reversed(events) if event["ResourceStatus"].endswith("_FAILED")]
        resources = [event for event in failed if event["ResourceType"] != "AWS::CloudFormation::Stack"] or failed
        reason = final.get("StackStatusReason", final["StackStatus"])
        return tuple(
            Failure(event["LogicalResourceId"], event["ResourceType"], event.get("ResourceStatusReason", ""))
            for event in resources
        ) or (Failure(self._name, "AWS::CloudFormation::Stack", reason),)

    def _report(self, status: str, reason: str = "") -> None:
        self._on_event(DeployEvent(self._name, status, reason, time.monotonic() - self._started))


def outputs_of(stack: Mapping[str, Any]) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def _template_failure(stack: StackArtifact, message: str) -> Failure:
    """CloudFormation refused the template as a whole: find the resource whose type or name the message holds."""
    resources = json.loads(stack.template.read_text()).get("Resources", {})
    for logical_id, resource in resources.items():
        if resource["Type"] in message or logical_id in message:
            return Failure(logical_id, resource["Type"], message)
    return Failure(stack.name, "AWS::CloudFormation::Stack", message)
