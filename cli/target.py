"""Where a command acts: the local cloud that runs here, or AWS. Everything above works on both alike."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from cli.errors import CliError
from localcloud.door.keys import Keys
from localcloud.sessions import session as administrator
from project import PROJECT
from tracking.place import JOB_SECONDS, Place, resource_name

ROOT = Path(__file__).resolve().parent.parent
LOCAL_DIR = ROOT / ".local"
STATE_FILE = LOCAL_DIR / "cloud.json"
STACKS = ("data", "etl", "training", "serving", "batch", "recovery", "monitoring")

Where = Literal["local", "aws"]
# The value of --on where it is not said: what a person chose before, for a shell or for a machine.
CHOICE = "MLOPS_ON"
FOR_AWS = f"To act on AWS, add --on aws; for all commands of this shell: export {CHOICE}=aws"


@dataclass(frozen=True)
class Target:
    """One environment (`dev`, `prod`) of a project in one cloud. `endpoint` is the local cloud's address, None on AWS.

    `caller` signs requests to the REST API where these are signed, None when `session` does that too.
    """

    stage: str
    session: boto3.Session
    endpoint: str | None = None
    caller: boto3.Session | None = None
    project: str = PROJECT.name

    @property
    def where(self) -> Where:
        return "local" if self.endpoint else "aws"

    def client(self, service: str) -> Any:
        return self._clients.setdefault(service, self._make_client(service))

    @cached_property
    def _clients(self) -> dict[str, Any]:
        return {}

    def _make_client(self, service: str) -> Any:
        config = Config(s3={"addressing_style": "path"}) if self.endpoint else None
        return self.session.client(service, endpoint_url=self.endpoint, config=config)

    def output(self, key: str) -> str:
        """A stack output by its key. Raises CliError when the application is not deployed here."""
        try:
            return self._outputs[key]
        except KeyError:
            raise CliError(
                f"The stacks {self.prefix}* have no output {key}.", "Deploy this version of the app."
            ) from None

    @cached_property
    def _outputs(self) -> Mapping[str, str]:
        cloudformation = self.client("cloudformation")
        found: dict[str, str] = {}
        for stack in STACKS:
            name = f"{self.prefix}{stack}"
            try:
                description = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
            except ClientError as error:
                raise CliError(f"Stack {name} was not found ({self.where}): {error}", _how_to_deploy(self)) from error
            except BotoCoreError as error:
                raise CliError(f"Cannot reach {self.endpoint or 'AWS'}: {error}.", _how_to_deploy(self)) from error
            found |= {o["OutputKey"]: o["OutputValue"] for o in description.get("Outputs", [])}
        return found

    def resources(self, kind: str) -> dict[str, str]:
        """Logical to physical id of the environment's resources of a type, such as AWS::SQS::Queue.

        Raises CliError when the application is not deployed here.
        """
        pages = self.client("cloudformation").get_paginator("list_stack_resources")
        found: dict[str, str] = {}
        for stack in STACKS:
            try:
                for page in pages.paginate(StackName=f"{self.prefix}{stack}"):
                    found |= {
                        item["LogicalResourceId"]: item["PhysicalResourceId"]
                        for item in page["StackResourceSummaries"]
                        if item["ResourceType"] == kind
                        and item.get("PhysicalResourceId")
                        and item["ResourceStatus"] not in ("DELETE_COMPLETE", "DELETE_SKIPPED")
                    }
            except ClientError as error:
                raise CliError(f"Stack {self.prefix}{stack} was not found: {error}", _how_to_deploy(self)) from error
        return found

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(self.output("ModelNames").split(","))

    def check_model(self, model: str) -> None:
        if model not in self.models:
            known = ", ".join(self.models)
            raise CliError(f"There is no model '{model}' in {self.stage}.", f"Deployed models: {known}.")

    def resource_name(self, model: str) -> str:
        """The name of a model's pipeline, model package group and endpoint."""
        return resource_name(self.prefix, model)

    @property
    def prefix(self) -> str:
        """What the names of this environment start with."""
        return f"{self.project}-{self.stage}-"

    @property
    def event_source(self) -> str:
        """The source of events that are for this environment."""
        return f"{self.project}.{self.stage}"

    @property
    def place(self) -> Place:
        """Where the environment keeps its records. Raises CliError when the application is not deployed here."""
        return Place(
            client=self.client,
            prefix=self.prefix,
            processed_bucket=self.output("ProcessedBucketName"),
            workflow=self.output("WorkflowName"),
            artifact_bucket=self.output("ArtifactBucketName"),
            shared_bucket=self.output("ArtifactBucketName"),
            job_seconds=int(self._outputs.get("JobTimeoutSeconds", JOB_SECONDS)),
        )

    @property
    def api_url(self) -> str:
        """Base address of the REST API, without a trailing slash."""
        url = self.output("ApiUrl").rstrip("/")
        if not self.endpoint:
            return url
        host, stage = url.removeprefix("https://").split("/", 1)
        return f"{self.endpoint}/_aws/execute-api/{host.split('.')[0]}/{stage}"

    @property
    def page_key_id(self) -> str | None:
        """None where callers of the REST API sign with IAM."""
        return self._outputs.get("ApiKeyId")

    @cached_property
    def page_key(self) -> str | None:
        """The key of the page. None where callers of the REST API sign with IAM."""
        return self._key("ApiKeyId")

    @cached_property
    def cli_key(self) -> str | None:
        """The key of this command, None where callers sign."""
        return self._key("CliKeyId")

    def _key(self, output: str) -> str | None:
        if self.page_key_id is None:
            return None
        key = self.client("apigateway").get_api_key(apiKey=self.output(output), includeValue=True)
        return str(key["value"])


def _how_to_deploy(target: Target) -> str:
    if target.where == "local":
        return "Start the local cloud: mlops local up."
    return (
        f"Deploy it first (./dev cdk deploy '{target.stage}/*') and check your AWS credentials and region; "
        "or start the local cloud: mlops local up."
    )


def local_target(*, endpoint: str, stage: str, region: str, keys: Keys) -> Target:
    session = administrator(keys.access_key, keys.secret_key, region=region)
    return Target(stage=stage, session=session, endpoint=endpoint)


def running_cloud() -> dict[str, Any] | None:
    """What `mlops local up` wrote about itself, when it still runs."""
    try:
        state: dict[str, Any] = json.loads(STATE_FILE.read_text())
        address = urlsplit(state["endpoint"])
        keys_of(state)
        os.kill(int(state["pid"]), 0)
        socket.create_connection((address.hostname, address.port), timeout=2).close()
    except (OSError, ValueError, KeyError, TypeError):
        return None  # no cloud, one that ended without a word, or a file that is not ours
    return state


def no_cloud(*, otherwise: str = "") -> CliError:
    """That no local cloud runs, or that the one which ran here died. `otherwise`: what else a person can do."""
    again = f"mlops local up{f'. {otherwise}' if otherwise else ''}."
    if not STATE_FILE.exists():
        return CliError("No local cloud is running.", f"Start one in another terminal: {again}")
    return CliError(
        f"The local cloud{_where_it_was()} has died: nothing answers there, and what it held is gone.",
        f"Start a new one in another terminal: {again}",
    )


def _where_it_was() -> str:
    """Of a cloud that ended without a word, "" when its file says nothing."""
    try:
        return f" at {json.loads(STATE_FILE.read_text())['endpoint']}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def keys_of(state: Mapping[str, Any]) -> Keys:
    """The user's keys in what `mlops local up` wrote."""
    return Keys(access_key=state["access_key"], secret_key=state["secret_key"])


def find_target(*, where: Where | None, stage: str | None, model: str | None = None) -> Target:
    """The running local cloud, or AWS when it was asked for: nobody acts on AWS because a local cloud is missing.

    Raises CliError for a `model` that is not there.
    """
    target = _find(where, stage)
    if model is not None:
        target.check_model(model)
    return target


def _find(where: Where | None, stage: str | None) -> Target:
    if where == "aws":
        return Target(stage=stage or PROJECT.environment, session=boto3.Session())
    state = running_cloud()
    if state is None:
        raise no_cloud(otherwise="" if where == "local" else FOR_AWS)
    return local_target(
        endpoint=state["endpoint"], stage=stage or state["stage"], region=state["region"], keys=keys_of(state)
    )
