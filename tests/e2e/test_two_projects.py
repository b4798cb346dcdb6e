"""Two forks with two environments each, in one account and region: a file goes through each, and none meets another."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from cli import api, keys, local
from cli.target import Target
from localcloud.deploy import deploy
from tests.contracts import MODELS
from tests.e2e.conftest import QUIET, Platform
from tests.e2e.light import MODEL, write_model
from tests.records import example
from tracking.run import Run
from tracking.versions import versions

PROJECTS, STAGES = ("mlops", "acme"), ("dev", "prod")
Place = tuple[str, str]
# Four runs at once on a machine of two cores.
PATIENCE_SECONDS = 400.0
# app.py as a fork has it that is called otherwise.
APP = """
import os, pathlib, sys
sys.path.insert(0, {root!r})
from dataclasses import replace
import app
from tests.example import STAGES
stages = [replace(config, project={project!r}) for config in STAGES]
app.main(pathlib.Path(os.environ["MODELS_DIR"]), None, stages)
"""


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[Place, Platform]]:
    work = tmp_path_factory.mktemp("projects")
    models = shutil.copytree(MODELS, work / "models")
    write_model(models)
    made = {}
    for project in PROJECTS:
        program = work / f"{project}.py"
        program.write_text(APP.format(root=str(local.ROOT), project=project))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(local, "APP", program)
            made[project] = local.synth(work / project, models, ",".join(STAGES))
    with local.deployed(stage="dev", console=QUIET, watch=local.Stopwatch(), assembly=made["mlops"]) as first:
        cloud, found = first.cloud, {("mlops", "dev"): Platform(first)}
        for project, stage in (("mlops", "prod"), ("acme", "dev"), ("acme", "prod")):
            deploy(made[project] / f"assembly-{stage}", cloud.session(), endpoint=cloud.endpoint)
            target = Target(stage=stage, session=first.target.session, endpoint=cloud.endpoint, project=project)
            found[project, stage] = Platform(local.Deployed(cloud=cloud, target=target, resources={}))
        yield found


@pytest.fixture(scope="module")
def runs(
    account: Mapping[Place, Platform], housing: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[Place, Run]:
    """One file through each, all at once."""
    file = tmp_path_factory.mktemp("rows") / "rows.csv"
    file.write_text("\n".join(housing.read_text().splitlines()[:1501]) + "\n")
    ids = {place: platform.upload(file) for place, platform in account.items()}
    return {place: account[place].follow(run_id, seconds=PATIENCE_SECONDS) for place, run_id in ids.items()}


def test_one_file_goes_through_each(account: Mapping[Place, Platform], runs: Mapping[Place, Run]) -> None:
    states = {place: run.state for place, run in runs.items()}
    assert states == {(project, stage): {"dev": "live", "prod": "waiting"}[stage] for project, stage in states}
    assert len({run.run_id for run in runs.values()}) == 1
    for platform in account.values():
        assert len(platform.executions()) == 1
        assert [version.number for version in versions(platform.target.place, MODEL)] == [1]


def test_each_is_answered_by_its_own_endpoint(account: Mapping[Place, Platform], runs: Mapping[Place, Run]) -> None:
    assert runs
    for project in PROJECTS:
        answer = api.predict(account[project, "dev"].target, model=MODEL, instances=[example(MODEL)])
        assert answer["predictions"][0]["value"] > 0
    (cloud,) = {platform.here.cloud for platform in account.values()}
    assert {role: counts for role, counts in cloud.calls()["roles"].items() if counts["denied"]} == {}


def test_a_key_of_one_is_none_of_another(account: Mapping[Place, Platform]) -> None:
    limits = {"models": None, "use": None, "per_second": None, "per_day": None}
    keys.create(account["acme", "dev"].target, "app", **limits)
    listed = {place: keys.names(platform.target) for place, platform in account.items()}
    assert [place for place, names in listed.items() if "app" in names] == [("acme", "dev")]


def test_alarms_watch_the_metrics_of_their_own_environment(account: Mapping[Place, Platform]) -> None:
    every = {f"{project}/{stage}" for project, stage in account}
    for (project, stage), platform in account.items():
        cloudwatch = platform.target.client("cloudwatch")
        pages = cloudwatch.get_paginator("describe_alarms").paginate(AlarmNamePrefix=platform.target.prefix)
        spaces = {alarm.get("Namespace") for page in pages for alarm in page["MetricAlarms"]}
        assert spaces & every == {f"{project}/{stage}"}
