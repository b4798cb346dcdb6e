"""A local cloud for tests, and CloudFormation written by hand."""

import functools
import io
import json
import os
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from localcloud.host import LocalCloud

ROOT = Path(__file__).resolve().parents[4]
LAMBDA_PYTHONS = (
    os.environ.get("LAMBDA_PYTHON", ""),
    str(ROOT / ".venv-lambda/bin/python"),
    "/tmp/lambda-venv/bin/python",
)
ACCOUNT = "000000000000"
REGION = "us-east-1"
FINAL = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "DELETE_COMPLETE")

Resource = dict[str, Any]
T = TypeVar("T")


class StackError(AssertionError):
    """A stack that CloudFormation refused or rolled back; the message holds its reasons."""


def lambda_python() -> Path:
    for candidate in LAMBDA_PYTHONS:
        if candidate and Path(candidate).exists():
            return Path(candidate)
    pytest.skip("there is no Python environment for Lambda functions: ./dev setup makes one")


class Cloud(LocalCloud):
    """A local cloud that makes each client once: they are slow to make."""

    @functools.cache  # noqa: B019 - as many clouds as test folders
    def client(self, service: str) -> Any:
        return super().client(service)


def new_cloud(folder: Path) -> LocalCloud:
    return Cloud(state_dir=folder, lambda_python=lambda_python())


# Longer than a message stays away whose receipt was lost on a busy machine.
PATIENCE_SECONDS = 40.0


def until(look: Callable[[], T], *, seconds: float = PATIENCE_SECONDS) -> T:
    """The first truthy value that `look` returns; its last value when there was none in time."""
    deadline = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


def deploy(cloud: LocalCloud, stack: str, resources: dict[str, Resource]) -> dict[str, str]:
    """Create or update a stack; logical id -> physical id. Raises StackError."""
    cfn = cloud.client("cloudformation")
    request = {"StackName": stack, "TemplateBody": json.dumps({"Resources": resources})}
    exists = any(one["StackName"] == stack for one in cfn.describe_stacks()["Stacks"])
    try:
        (cfn.update_stack if exists else cfn.create_stack)(**request, Capabilities=["CAPABILITY_NAMED_IAM"])
    except cfn.exceptions.ClientError as error:
        raise StackError(str(error)) from error
    until(lambda: cfn.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"] in FINAL)
    status = cfn.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
    if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        events = cfn.describe_stack_events(StackName=stack)["StackEvents"]
        reasons = [f"{one['LogicalResourceId']}: {one.get('ResourceStatusReason')}" for one in events]
        raise StackError(f"{status}: " + "; ".join(reasons))
    found = cfn.describe_stack_resources(StackName=stack)["StackResources"]
    return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in found}


def get(resource: str, attribute: str = "Arn") -> Resource:
    return {"Fn::GetAtt": [resource, attribute]}


def allow(action: str | list[str], *resources: Any) -> Resource:
    return {"Effect": "Allow", "Action": action, "Resource": list(resources) or "*"}


def role(service: str, *statements: Resource, name: str | None = None) -> Resource:
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": f"{service}.amazonaws.com"}}
    policy = {"PolicyName": "own", "PolicyDocument": {"Version": "2012-10-17", "Statement": list(statements)}}
    properties: Resource = {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]}}
    if statements:
        properties["Policies"] = [policy]
    return {"Type": "AWS::IAM::Role", "Properties": properties | ({"RoleName": name} if name else {})}


def function(code: str, *, role: str = "Role", **properties: Any) -> Resource:
    own = {"Runtime": "python3.13", "Handler": "index.handler", "Role": get(role), "Code": {"ZipFile": code}}
    return {"Type": "AWS::Lambda::Function", "Properties": own | properties}


def queue(**properties: Any) -> Resource:
    return {"Type": "AWS::SQS::Queue", "Properties": properties}


def queue_policy(queue_name: str, service: str) -> Resource:
    statement = {
        "Effect": "Allow",
        "Action": "sqs:SendMessage",
        "Resource": get(queue_name),
        "Principal": {"Service": f"{service}.amazonaws.com"},
    }
    document = {"Version": "2012-10-17", "Statement": [statement]}
    return {
        "Type": "AWS::SQS::QueuePolicy",
        "Properties": {"Queues": [{"Ref": queue_name}], "PolicyDocument": document},
    }


def permission(function_name: str, service: str, source_arn: Any) -> Resource:
    properties = {
        "Action": "lambda:InvokeFunction",
        "FunctionName": get(function_name),
        "Principal": f"{service}.amazonaws.com",
        "SourceArn": source_arn,
    }
    return {"Type": "AWS::Lambda::Permission", "Properties": properties}


def rule(source: str, target: str, **target_properties: Any) -> Resource:
    """A rule for events of a source, with one target."""
    targets = [{"Id": "target", "Arn": get(target), **target_properties}]
    return {"Type": "AWS::Events::Rule", "Properties": {"EventPattern": {"source": [source]}, "Targets": targets}}


def put_event(cloud: LocalCloud, source: str, **detail: Any) -> None:
    entry = {"Source": source, "DetailType": "test", "Detail": json.dumps(detail)}
    assert cloud.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0


def receive(cloud: LocalCloud, url: str, *, seconds: float = PATIENCE_SECONDS) -> list[dict[str, Any]]:
    """The next messages of a queue; [] when none came in time."""
    sqs = cloud.client("sqs")
    look = {"MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"], "MessageSystemAttributeNames": ["All"]}
    return until(lambda: sqs.receive_message(QueueUrl=url, **look).get("Messages", []), seconds=seconds)


def log_lines(cloud: LocalCloud, group: str, *, stream: str | None = None) -> list[str]:
    """Everything in a log group, or in one of its streams; [] while it does not exist."""
    logs = cloud.client("logs")
    only = {"logStreamNames": [stream]} if stream else {}
    try:
        events = logs.filter_log_events(logGroupName=group, **only)["events"]
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [event["message"].strip() for event in events]


def zipped(**files: str) -> bytes:
    """A zip of Python modules: module name -> source."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, source in files.items():
            archive.writestr(f"{name}.py", source)
    return buffer.getvalue()
