"""What an assembly needs that the local cloud does not have: found in its templates, before anything is deployed."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from localcloud.assembly import StackArtifact

FUNCTION = "AWS::Lambda::Function"
NESTED = "AWS::CloudFormation::Stack"
ASSET_PATH = "aws:asset:path"
CUSTOM = ("Custom::", "AWS::CloudFormation::CustomResource")


def missing(stacks: Iterable[StackArtifact], types: Iterable[str]) -> tuple[str, ...]:
    """A sentence for each resource that cannot be made; `types` are those that the local cloud provisions."""
    known = frozenset(types)
    return tuple(
        f"{where}: {words}"
        for where, resources in _templates(stacks)
        for name, resource in sorted(resources.items())
        if (words := _refusal(name, resource, resources, known))
    )


def idle(stacks: Iterable[StackArtifact]) -> tuple[str, ...]:
    """A sentence for each function that is deployed and not supported: only zip files for Python are."""
    return tuple(
        f"{where}: the function {name} is for {runtime}; it is deployed, but only those for Python are supported"
        for where, resources in _templates(stacks)
        for name, resource in sorted(resources.items())
        if resource["Type"] == FUNCTION and not (runtime := _runtime(resource)).startswith("python")
    )


def elsewhere(stacks: Iterable[StackArtifact], *, account: str, region: str) -> tuple[str, ...]:
    """A sentence for each stack that was synthesised for another account or region, with the options for it."""
    found = []
    for stack in stacks:
        wanted_account, _, wanted_region = stack.environment.removeprefix("aws://").partition("/")
        options = []
        if wanted_account not in ("", "unknown-account", account):
            options.append(f"--account {wanted_account}")
        if wanted_region not in ("", "unknown-region", region):
            options.append(f"--region {wanted_region}")
        if options:
            found.append(f"{stack.name} is synthesised for {stack.environment}: add {' '.join(options)}")
    return tuple(found)


def _templates(stacks: Iterable[StackArtifact]) -> Iterator[tuple[str, dict[str, Any]]]:
    for stack in stacks:
        yield from _resources(stack.name, stack.template)


def _resources(where: str, template: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The resources of a template, and of the nested stacks whose templates lie beside it."""
    resources: dict[str, Any] = json.loads(template.read_text()).get("Resources", {})
    yield where, resources
    for name, resource in resources.items():
        path = resource.get("Metadata", {}).get(ASSET_PATH)
        if resource["Type"] == NESTED and path:
            yield from _resources(f"{where}/{name}", template.parent / path)


def _refusal(name: str, resource: Mapping[str, Any], resources: Mapping[str, Any], known: frozenset[str]) -> str:
    kind = resource["Type"]
    if kind.startswith(CUSTOM):
        provider = _provider(resource)
        runtime = _runtime(resources[provider]) if resources.get(provider, {}).get("Type") == FUNCTION else "python"
        refused = not runtime.startswith("python")
        return f"{name} ({kind}) is made by {provider}, which runs on {runtime}; only Python runs here" * refused
    if kind in known or kind.startswith("AWS::CloudFormation::"):
        return ""
    return f"{name} is of type {kind}, which the local cloud does not know"


def _provider(resource: Mapping[str, Any]) -> str:
    """The logical id of the function that a custom resource names, when it is of the same template."""
    token = resource.get("Properties", {}).get("ServiceToken")
    return str(token["Fn::GetAtt"][0]) if isinstance(token, dict) and "Fn::GetAtt" in token else ""


def _runtime(function: Mapping[str, Any]) -> str:
    properties = function.get("Properties", {})
    return "a container image" if properties.get("PackageType") == "Image" else str(properties.get("Runtime", ""))
