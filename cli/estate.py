"""What an environment holds that nobody can make again, and what of it may go with its stacks.

Only what a stack lists as its own, with a template that does not retain it, may go. An empty answer allows nothing: a
stack that failed, that waits for its first change set, or that is gone, lists nothing while the data are still there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from cli.target import Target

BUCKET, GROUP, KEY = "AWS::S3::Bucket", "AWS::SageMaker::ModelPackageGroup", "AWS::KMS::Key"
DATABASE = "AWS::Glue::Database"
# What a stack no longer has, though it still lists it.
LEFT = ("DELETE_COMPLETE", "DELETE_SKIPPED")


@dataclass(frozen=True)
class Thing:
    """Something that goes, or that stays (`kept`)."""

    kind: str
    name: str
    kept: bool = False


@dataclass(frozen=True)
class Estate:
    """`buckets` go with the stacks, in the order in which they can be emptied; so do the versions of `groups`."""

    stacks: tuple[str, ...]
    kept: tuple[Thing, ...]
    buckets: tuple[str, ...]
    groups: frozenset[str]


@dataclass(frozen=True)
class _Resource:
    """A resource as its stack lists it, with its part of the template."""

    logical_id: str
    kind: str
    name: str
    status: str
    definition: dict[str, Any] | None

    @property
    def retained(self) -> bool:
        return str((self.definition or {}).get("DeletionPolicy", "")).startswith("Retain")

    @property
    def disposable(self) -> bool:
        return self.definition is not None and not self.retained and self.status not in LEFT

    @property
    def takes_logs(self) -> bool:
        """The bucket that the others log to is the one that logs to none."""
        return "LoggingConfiguration" not in (self.definition or {}).get("Properties", {})


def survey(target: Target, stacks: Iterable[str], *, protected: bool) -> Estate:
    """`stacks`: those that exist. Of a `protected` environment nothing may go, whatever its stacks say."""
    stacks = tuple(stacks)
    listed = [resource for stack in stacks for resource in _resources(target, stack)]
    own = [] if protected else [resource for resource in listed if resource.disposable]
    going = {(resource.kind, resource.name) for resource in own}
    kept = [(resource.kind, resource.name) for resource in listed if resource.retained and resource.status != LEFT[0]]
    kept += [found for found in holdings(target) if found not in going and not _goes_by_itself(found, listed)]
    buckets = sorted((resource.takes_logs, resource.name) for resource in own if resource.kind == BUCKET)
    return Estate(
        stacks=stacks,
        kept=tuple(Thing(f"retained {kind}", name, kept=True) for kind, name in dict.fromkeys(kept)),
        buckets=tuple(name for _, name in buckets),
        groups=frozenset(resource.name for resource in own if resource.kind == GROUP),
    )


def holdings(target: Target) -> list[tuple[str, str]]:
    """Buckets, keys, versions and catalog that are there now under the environment's names: type and name."""
    data = f"{target.prefix}data-"
    buckets = [item["Name"] for item in target.client("s3").list_buckets()["Buckets"]]
    buckets = [name for name in buckets if name.startswith(data)]
    found = [(BUCKET, name) for name in buckets]
    found += [(KEY, key) for key in dict.fromkeys(_keys(target, buckets))]
    found += [(GROUP, name) for name in group_names(target)]
    return found + [(DATABASE, name) for name in _databases(target)]


def live_resources(target: Target, stack: str) -> dict[str, tuple[str, str]]:
    """Of a stack that may not exist: what it has now, by logical id, as type and name."""
    try:
        listed = list(_resources(target, stack))
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        return {}
    return {item.logical_id: (item.kind, item.name) for item in listed if item.status not in LEFT}


def group_names(target: Target) -> list[str]:
    pages = target.client("sagemaker").get_paginator("list_model_package_groups").paginate(NameContains=target.prefix)
    names = [item["ModelPackageGroupName"] for page in pages for item in page["ModelPackageGroupSummaryList"]]
    return [name for name in names if name.startswith(target.prefix)]


def _goes_by_itself(found: tuple[str, str], listed: Iterable[_Resource]) -> bool:
    """The catalog and a key that a stack has and does not retain: nothing has to be emptied for them."""
    return found[0] in (KEY, DATABASE) and any(
        (resource.kind, resource.name) == found and resource.disposable for resource in listed
    )


def _keys(target: Target, buckets: Iterable[str]) -> Iterator[str]:
    """Ids of the customer keys that the buckets are encrypted with: without them the data are lost."""
    for bucket in buckets:
        try:
            answer = target.client("s3").get_bucket_encryption(Bucket=bucket)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ServerSideEncryptionConfigurationNotFoundError":
                raise
            continue
        for rule in answer["ServerSideEncryptionConfiguration"]["Rules"]:
            key = rule.get("ApplyServerSideEncryptionByDefault", {}).get("KMSMasterKeyID")
            if key:
                yield key.rpartition("/")[2]


def _databases(target: Target) -> list[str]:
    name = f"{target.project}_{target.stage}"
    try:
        return [target.client("glue").get_database(Name=name)["Database"]["Name"]]
    except ClientError as error:
        if error.response["Error"]["Code"] != "EntityNotFoundException":
            raise
        return []


def _resources(target: Target, stack: str) -> Iterator[_Resource]:
    """Those that have, or had, a name in AWS."""
    cloudformation = target.client("cloudformation")
    body = cloudformation.get_template(StackName=stack, TemplateStage="Original").get("TemplateBody") or {}
    template = json.loads(body) if isinstance(body, str) else body
    for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack):
        for item in page["StackResourceSummaries"]:
            if not item.get("PhysicalResourceId"):
                continue
            yield _Resource(
                logical_id=item["LogicalResourceId"],
                kind=item["ResourceType"],
                name=_name(item["ResourceType"], item["PhysicalResourceId"]),
                status=item["ResourceStatus"],
                definition=template.get("Resources", {}).get(item["LogicalResourceId"]),
            )


def _name(kind: str, physical_id: str) -> str:
    """CloudFormation knows a group by its ARN, SageMaker by its name."""
    return physical_id.rpartition("/")[2] if kind == GROUP else physical_id
