"""What a workflow asks a deployed environment: whether it answers, as a client, and which commit it is."""

from __future__ import annotations

import math
import re
import time
from dataclasses import dataclass, replace
from typing import Any, Literal

import boto3
from botocore.exceptions import ClientError

from cli import api
from cli.errors import CliError
from cli.target import Target
from tracking.states import State
from tracking.versions import newest_approved

# Of the CDK's bootstrap stack: its default.
QUALIFIER = "hnb659fds"
# Of the REST API: it is busy, or a serverless model is starting.
PASSING = (429, 503, 504)
PATIENCE_SECONDS, PAUSE_SECONDS = 240.0, 10.0
# As app.py calls a commit that nobody names.
UNKNOWN = "unknown"
# Outputs of the stack with GitHub's roles.
_DEPLOY_ROLE = re.compile(r"Deploy(\w+)RoleArn")

Verdict = Literal["ok", "rejected", "stopped", "no model yet", "failed"]


@dataclass(frozen=True)
class Answer:
    """What one model of the environment answered to its example record."""

    model: str
    verdict: Verdict
    detail: str


def check(target: Target) -> list[Answer]:
    """Ask every model for a prediction. Raises CliError when the environment is not there."""
    return [_ask(target, model) for model in target.models]


def _ask(target: Target, model: str) -> Answer:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            record = api.model_document(target, model)["example"]
            return _judge(target, model, api.predict(target, model=model, instances=[record]))
        except api.RefusedError as error:
            if api.is_not_live(error, model):
                return _not_live(target, model, error.message)
            if error.status not in PASSING or time.monotonic() > deadline:
                return Answer(model, "failed", error.message)
        except CliError as error:
            return Answer(model, "failed", error.message)
        time.sleep(PAUSE_SECONDS)


def _not_live(target: Target, model: str, message: str) -> Answer:
    """Of a fresh environment nothing else is expected. A version that is approved should answer."""
    package = newest_approved(target.client("sagemaker"), target.resource_name(model))
    if package is None:
        return Answer(model, "no model yet", message)
    if package.get("CustomerMetadataProperties", {}).get("deployment_state") == "stopped":
        return Answer(model, "stopped", f"Bring it back: mlops deploy {model}.")
    return Answer(model, "failed", f"Version {package['ModelPackageVersion']} is approved. {message}")


def _judge(target: Target, model: str, answer: dict[str, Any]) -> Answer:
    """An answer counts when its value is a number. What answers may be rejected, while nothing else is approved."""
    predictions = answer.get("predictions") or [{}]
    value = predictions[0].get("value")
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        return Answer(model, "failed", f"The answer holds no number: {answer}")
    detail = f"version {answer.get('model_version')} answers {value:,.6g}"
    if newest_approved(target.client("sagemaker"), target.resource_name(model)) is None:
        return Answer(model, "rejected", f"{detail}; it is {State.STILL_SERVING}")
    return Answer(model, "ok", detail)


def deployed_commit(target: Target) -> str:
    """CODE_COMMIT of the last deployment; "unknown" of one that told none, and where nothing is deployed yet."""
    name = f"{target.prefix}training"
    try:
        (stack,) = target.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        _check_account(target)
        return UNKNOWN
    outputs = {item["OutputKey"]: str(item["OutputValue"]) for item in stack.get("Outputs", ())}
    return outputs.get("CodeCommit", UNKNOWN)


def _check_account(target: Target) -> None:
    """Raises CliError where GitHub's roles are for other environments than the one that nothing was found of."""
    name = f"{target.project}-delivery"
    try:
        (stack,) = target.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        return
    found = [_DEPLOY_ROLE.fullmatch(item["OutputKey"]) for item in stack.get("Outputs", ())]
    environments = [role[1].lower() for role in found if role]
    if target.stage not in environments:
        raise CliError(
            f"This is not the account of {target.stage}: its stack {name} has roles for {', '.join(environments)}.",
            f"Take a role of {target.stage}'s account; of its diff, the output DiffRoleArn there (docs/ci.md).",
        )


def through_lookup_role(target: Target) -> Target:
    """The same environment seen by the CDK's lookup role, which may read. Whoever asks for it calls the REST API."""
    sts, region = target.client("sts"), target.session.region_name
    identity = sts.get_caller_identity()
    partition, account = identity["Arn"].split(":")[1], identity["Account"]
    arn = f"arn:{partition}:iam::{account}:role/cdk-{QUALIFIER}-lookup-role-{account}-{region}"
    try:
        keys = sts.assume_role(RoleArn=arn, RoleSessionName="mlops-smoke")["Credentials"]
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("AccessDenied", "NoSuchEntity"):
            raise
        raise CliError(
            f"The CDK's lookup role of {account} in {region} is not there, or does not let you in: {arn}.",
            f"Bootstrap that region: ./dev cdk bootstrap aws://{account}/{region}.",
        ) from error
    session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=region)
    return replace(target, session=session, caller=target.session)
