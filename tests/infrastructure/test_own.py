"""What this tree has, models/ and STAGES: true of any fork, whatever its models and settings are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from contract import load_all
from project import FILE, read
from stacks import bundles
from stacks.config import DELIVERY, STAGES, StageConfig
from stacks.config_check import check, check_instances, check_names
from tests.infrastructure.synthesis import Synthesis
from tests.infrastructure.templates import NAMES, StackId, Template

SNAPSHOTS = Path(__file__).parent / "snapshots"
STACKS = [(config.name, stack) for config in STAGES for stack in NAMES]
KEPT = ("AWS::S3::Bucket", "AWS::SageMaker::ModelPackageGroup")
# W3005: the CDK repeats dependencies that a reference states already. W3010: the zone of a subnet is a setting.
IGNORED = ("W3005", "W3010")


def test_configuration_and_models_are_right() -> None:
    contracts = load_all(bundles.MODELS)
    project = read(FILE)
    assert project.model in contracts, "project.toml: model is none of models/"
    assert project.environment in {config.name for config in STAGES}, "project.toml: environment is none of STAGES"
    check(STAGES, DELIVERY)
    check_names(STAGES, contracts)
    check_instances(contracts.values())


@pytest.mark.parametrize("stack", STACKS, ids="-".join)
def test_template_is_the_snapshot(own: Synthesis, stack: StackId) -> None:
    path, text = SNAPSHOTS / f"{'-'.join(stack)}.json", own.templates[stack].snapshot()
    if os.environ.get("SNAPSHOT_UPDATE"):
        path.write_text(text)
    assert path.exists(), f"{path.name} is missing: ./dev snapshots writes it"
    expected, made = json.loads(path.read_text()), json.loads(text)
    assert made == expected, "The template changed. If it should, ./dev snapshots writes it anew: then read the diff."


def test_there_is_no_snapshot_of_anything_else() -> None:
    left = [path for path in SNAPSHOTS.glob("*.json") if path.stem not in map("-".join, STACKS)]
    if os.environ.get("SNAPSHOT_UPDATE"):
        for path in left:
            path.unlink()
        left = []
    assert left == [], "Nothing makes these any more: ./dev snapshots removes them."


def test_cdk_nag_has_no_open_finding(own: Synthesis) -> None:
    assert own.findings == {stack: [] for stack in STACKS}


def test_cfn_lint_finds_nothing(own: Synthesis) -> None:
    assert cfn_lint(own.templates) == ""


@pytest.mark.parametrize("config", STAGES, ids=lambda config: config.name)
def test_data_outlive_the_stack_where_the_environment_is_protected(own: Synthesis, config: StageConfig) -> None:
    resources = own.templates[config.name, "data"].document["Resources"].values()
    kept = [item for item in resources if item["Type"] in KEPT]
    policies = {(item.get("DeletionPolicy"), item.get("UpdateReplacePolicy")) for item in kept}
    # What a deployment made that fails is empty: it goes, and is in the way of no other.
    assert policies == {("RetainExceptOnCreate", "Retain") if config.protected else ("Delete", "Delete")}
    # Buckets, and a group of versions for each model.
    assert len(kept) == 4 + len(load_all(bundles.MODELS))


def cfn_lint(templates: Mapping[StackId, Template]) -> str:
    """What it says of the templates; nothing where all is well."""
    command = [str(Path(sys.executable).with_name("cfn-lint")), "--regions", "eu-west-1", "--ignore-checks", *IGNORED]
    paths = [str(template.path) for template in templates.values()]
    done = subprocess.run([*command, "--template", *paths], capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == (done.stdout == ""), done.stderr
    return done.stdout
