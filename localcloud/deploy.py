"""Deploying a cloud assembly through CloudFormation, and deleting its stacks again."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import boto3

from localcloud import assets
from localcloud.assembly import AssemblyError, load
from localcloud.operation import Clients, DeployError, DeployEvent, Failure, OnEvent, Operation, ignore

__all__ = ["AssemblyError", "DeployError", "DeployEvent", "Deployment", "Failure", "deploy", "destroy"]

BOOTSTRAP_PARAMETER = "/cdk-bootstrap/hnb659fds/version"
BOOTSTRAP_VERSION = "30"


@dataclass(frozen=True)
class Deployment:
    """What stands: outputs by stack, and the number of resources by type."""

    outputs: Mapping[str, Mapping[str, str]]
    resources: Mapping[str, int]


def deploy(
    assembly: Path,
    session: boto3.Session,
    *,
    endpoint: str,
    account: str = "000000000000",
    on_event: OnEvent = ignore,
    timeout: float = 300.0,
) -> Deployment:
    """Create or update every stack of the assembly (a cdk.out folder, or one stage's folder in it).

    Raises AssemblyError, or DeployError for the first stack that fails.
    """
    region = session.region_name
    stacks = load(assembly, account=account, region=region)
    clients = Clients(session, endpoint)
    clients.ssm.put_parameter(Name=BOOTSTRAP_PARAMETER, Value=BOOTSTRAP_VERSION, Type="String", Overwrite=True)
    assets.upload((asset for stack in stacks for asset in stack.assets), clients.s3, region=region)
    outputs = {stack.name: Operation(clients, stack.name, on_event, timeout).deploy(stack) for stack in stacks}
    return Deployment(outputs=outputs, resources=_count_resources(clients, outputs))


def destroy(
    names: Iterable[str],
    session: boto3.Session,
    *,
    endpoint: str,
    on_event: OnEvent = ignore,
    timeout: float = 300.0,
) -> tuple[Failure, ...]:
    """Delete stacks, the last one first; what was retained, each with the physical name as its reason."""
    clients = Clients(session, endpoint)
    retained: list[Failure] = []
    for name in reversed(tuple(names)):
        retained += Operation(clients, name, on_event, timeout).delete()
    return tuple(retained)


def _count_resources(clients: Clients, stacks: Iterable[str]) -> dict[str, int]:
    count: Counter[str] = Counter()
    for name in stacks:
        pages = clients.cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
        count.update(item["ResourceType"] for page in pages for item in page["StackResourceSummaries"])
    return dict(sorted(count.items()))
