"""One synthesis of every environment, for all tests of this folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

import stacks  # noqa: F401  (lets aws_cdk find Node, so it stands first)

# isort: split
from aws_cdk import App
from cdk_nag import AwsSolutionsChecks

import app as application
from contract import Contract, load_all
from stacks import bundles
from stacks.config import STAGES
from stacks.stage import MlopsStage
from tests.infrastructure.templates import StackId, Template


@pytest.fixture(scope="session")
def contracts() -> dict[str, Contract]:
    return load_all(bundles.MODELS)


def new_app(folder: str) -> App:
    """An application with the context of the project, which synthesises into the folder."""
    return App(
        outdir=folder,
        context=application.CONTEXT,
        analytics_reporting=False,
        tree_metadata=False,
        builtin_cloud_formation_validation=False,
    )


@pytest.fixture(scope="session")
def cdk_app(contracts: dict[str, Contract]) -> Iterator[App]:
    with TemporaryDirectory() as out, TemporaryDirectory() as staging:
        cdk_app = new_app(out)
        packed = bundles.build(Path(staging))
        for config in STAGES:
            MlopsStage(cdk_app, config=config, contracts=contracts, bundles=packed)
        yield cdk_app


@pytest.fixture(scope="session")
def nag_findings(cdk_app: App) -> dict[StackId, list[str]]:
    """What cdk-nag finds and nobody accepted. Before the synthesis, which rewrites references between stacks."""
    checks = AwsSolutionsChecks(cdk_app)
    return {
        (stage.node.id, stack.node.id.lower()): [item.rule_name for item in checks.validate_scope(stack).violations]
        for stage in cdk_app.node.children
        for stack in stage.node.children
    }


@pytest.fixture(scope="session")
def assembly(cdk_app: App, nag_findings: dict[StackId, list[str]]) -> Path:
    """The folder of the cloud assembly."""
    return Path(cdk_app.synth().directory)


@pytest.fixture(scope="session")
def templates(assembly: Path) -> dict[StackId, Template]:
    return read_templates(assembly)


def read_templates(assembly: Path) -> dict[StackId, Template]:
    """Every template of an assembly by stage and stack: ("dev", "data")."""
    found = {}
    for config in STAGES:
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
