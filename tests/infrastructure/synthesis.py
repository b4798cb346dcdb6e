"""Synthesising environments, and reading what came out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import stacks  # noqa: F401  (lets aws_cdk find Node, so it stands first)

# isort: split
from aws_cdk import App
from cdk_nag import AwsSolutionsChecks

import app as application
from contract import Contract, load_all
from stacks import bundles
from stacks.config import StageConfig
from stacks.stage import MlopsStage
from tests.infrastructure.templates import StackId, Template


@dataclass(frozen=True)
class Synthesis:
    """A cloud assembly, its templates, and what cdk-nag finds in them that nobody accepted."""

    assembly: Path
    templates: Mapping[StackId, Template]
    findings: Mapping[StackId, list[str]]


def new_app(folder: str) -> App:
    """An application with the context of the project, which synthesises into the folder."""
    return App(
        outdir=folder,
        context=application.CONTEXT,
        analytics_reporting=False,
        tree_metadata=False,
        builtin_cloud_formation_validation=False,
    )


@contextmanager
def synthesised(
    stages: Sequence[StageConfig], *, models: Path, contracts: Mapping[str, Contract] | None = None
) -> Iterator[Synthesis]:
    """Of these environments, until the block ends. `contracts`: other ones than those of the files."""
    with TemporaryDirectory() as out, TemporaryDirectory() as staging:
        made = new_app(out)
        packed = bundles.build(Path(staging), models=models)
        for config in stages:
            MlopsStage(made, config=config, contracts=contracts or load_all(models), bundles=packed)
        findings = _findings(made)
        assembly = Path(made.synth().directory)
        yield Synthesis(assembly, read_templates(assembly, stages), findings)


def _findings(made: App) -> dict[StackId, list[str]]:
    """Before the synthesis, which rewrites references between stacks."""
    checks = AwsSolutionsChecks(made)
    return {
        (stage.node.id, stack.node.id.lower()): [item.rule_name for item in checks.validate_scope(stack).violations]
        for stage in made.node.children
        for stack in stage.node.children
    }


def read_templates(assembly: Path, stages: Sequence[StageConfig]) -> dict[StackId, Template]:
    """Every template of an assembly by stage and stack: ("dev", "data")."""
    found = {}
    for config in stages:
        folder = assembly / f"assembly-{config.name}"
        if not folder.exists():
            continue
        artifacts = json.loads((folder / "manifest.json").read_text())["artifacts"].values()
        for artifact in artifacts:
            if artifact["type"] == "aws:cloudformation:stack":
                properties = artifact["properties"]
                stack = properties["stackName"].removeprefix(config.prefix)
                path = folder / properties["templateFile"]
                found[config.name, stack] = Template(path, json.loads(path.read_text()))
    return found
