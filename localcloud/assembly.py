"""A CDK cloud assembly as data: its stacks in the order of their dependencies, and the files they need."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class AssemblyError(Exception):
    """The folder is no cloud assembly, or needs something that the local cloud cannot deploy."""


@dataclass(frozen=True)
class Asset:
    """A file or folder that a stack's resources read from a bucket."""

    source: Path
    zipped: bool
    bucket: str
    key: str


@dataclass(frozen=True)
class StackArtifact:
    """A stack: its template, where the template lies in S3, its assets and the stacks it needs.

    `environment`: where it goes, such as "aws://111122223333/eu-west-1" or "aws://unknown-account/unknown-region".
    `protected`: nobody deletes it before its termination protection was lifted.
    """

    artifact_id: str
    name: str
    environment: str
    template: Path
    template_url: str | None
    assets: tuple[Asset, ...]
    needs: tuple[str, ...]
    tags: Mapping[str, str]
    protected: bool


def load(folder: Path, *, account: str, region: str) -> tuple[StackArtifact, ...]:
    """The stacks of an assembly and of the stage assemblies inside it, dependencies first."""
    stacks = {stack.artifact_id: stack for stack in _stacks(folder, account, region)}
    if not stacks:
        raise AssemblyError(f"{folder} holds no stack")
    ordered: dict[str, StackArtifact] = {}

    def visit(artifact_id: str) -> None:
        for need in stacks[artifact_id].needs:
            if need in stacks and need not in ordered:
                visit(need)
        ordered[artifact_id] = stacks[artifact_id]

    for artifact_id in stacks:
        if artifact_id not in ordered:
            visit(artifact_id)
    return tuple(ordered.values())


def _stacks(folder: Path, account: str, region: str) -> Iterator[StackArtifact]:
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        raise AssemblyError(f"{folder} is no cloud assembly: it has no manifest.json")
    artifacts = json.loads(manifest.read_text())["artifacts"]
    for artifact_id, artifact in artifacts.items():
        if artifact["type"] == "cdk:cloud-assembly":
            yield from _stacks(folder / artifact["properties"]["directoryName"], account, region)
        elif artifact["type"] == "aws:cloudformation:stack":
            yield _stack(folder, artifact_id, artifacts, _Placeholders(account, region))


@dataclass(frozen=True)
class _Placeholders:
    """Where an assembly that is not bound to an environment goes."""

    account: str
    region: str

    def fill(self, text: str) -> str:
        values = {"AccountId": self.account, "Region": self.region, "Partition": "aws"}
        for name, value in values.items():
            text = text.replace(f"${{AWS::{name}}}", value)
        return text


def _stack(folder: Path, artifact_id: str, artifacts: Mapping[str, Any], placeholders: _Placeholders) -> StackArtifact:
    artifact = artifacts[artifact_id]
    properties = artifact["properties"]
    needs = tuple(artifact.get("dependencies", []))
    manifests = [artifacts[need] for need in needs if artifacts.get(need, {}).get("type") == "cdk:asset-manifest"]
    url = properties.get("stackTemplateAssetObjectUrl")
    return StackArtifact(
        artifact_id=artifact_id,
        name=properties.get("stackName", artifact_id),
        environment=artifact.get("environment", ""),
        template=folder / properties["templateFile"],
        template_url=placeholders.fill(url) if url else None,
        assets=tuple(asset for item in manifests for asset in _assets(folder, item, placeholders)),
        needs=needs,
        tags=properties.get("tags", {}),
        protected=properties.get("terminationProtection", False),
    )


def _assets(folder: Path, artifact: Mapping[str, Any], placeholders: _Placeholders) -> Iterator[Asset]:
    manifest = json.loads((folder / artifact["properties"]["file"]).read_text())
    if manifest.get("dockerImages"):
        raise AssemblyError("container image assets cannot be deployed to the local cloud")
    for identity, file in manifest.get("files", {}).items():
        if "path" not in file["source"]:
            raise AssemblyError(f"asset {identity} is built by a command; the local cloud deploys files and folders")
        for destination in file["destinations"].values():
            yield Asset(
                source=(folder / file["source"]["path"]).resolve(),
                zipped=file["source"].get("packaging") == "zip",
                bucket=placeholders.fill(destination["bucketName"]),
                key=placeholders.fill(destination["objectKey"]),
            )
