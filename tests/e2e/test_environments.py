"""dev and prod in one account: the same file is the same run in both, and nothing of one is seen in the other."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli import local
from cli.runs import train_again
from cli.target import Target
from localcloud.deploy import deploy
from tests.contracts import MODELS
from tests.e2e.conftest import MODEL, QUIET, Platform
from tests.e2e.handled import said, wait_until_empty, wait_until_said
from tests.e2e.light import write_model
from tests.e2e.versions import version, wait_for
from tracking.run import Run
from tracking.runs import RunReader
from tracking.versions import versions

STAGES = ("dev", "prod")
# What deploy_model says of an event after which nothing is approved.
NONE_APPROVED = "No approved version"
JOB_GROUPS = ("/aws/sagemaker/ProcessingJobs", "/aws/sagemaker/TrainingJobs")


@dataclass(frozen=True)
class Seen:
    """All that an environment has of its runs."""

    executions: tuple[str, ...]
    jobs: frozenset[str]
    versions: tuple[tuple[int, str], ...]
    streams: frozenset[str]
    metrics: frozenset[str]
    run: Run


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Platform]]:
    """One local account with both environments."""
    work = tmp_path_factory.mktemp("environments")
    models = shutil.copytree(MODELS, work / "models")
    write_model(models)
    assembly = local.synth(work / "cdk.out", models, ",".join(STAGES))
    with local.deployed(stage="dev", console=QUIET, watch=local.Stopwatch(), assembly=assembly) as dev:
        cloud = dev.cloud
        deploy(assembly / "assembly-prod", cloud.session(), endpoint=cloud.endpoint)
        target = Target(stage="prod", session=dev.target.session, endpoint=cloud.endpoint)
        prod = local.Deployed(cloud=cloud, target=target, resources={})
        yield {"dev": Platform(dev), "prod": Platform(prod)}


@pytest.fixture(scope="module")
def runs(account: Mapping[str, Platform], housing: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """One file, through both environments at once."""
    file = tmp_path_factory.mktemp("rows") / "rows.csv"
    file.write_text("\n".join(housing.read_text().splitlines()[:2501]) + "\n")
    ids = {stage: account[stage].upload(file) for stage in STAGES}
    return {stage: account[stage].follow(run_id) for stage, run_id in ids.items()}


def listed(target: Target, service: str, operation: str, key: str, **request: Any) -> list[Any]:
    pages = target.client(service).get_paginator(operation).paginate(**request)
    return [item for page in pages for item in page[key]]


def seen(platform: Platform, run_id: str) -> Seen:
    target = platform.target
    jobs = [
        item[f"{kind}JobName"]
        for kind in ("Processing", "Training")
        for item in listed(target, "sagemaker", f"list_{kind.lower()}_jobs", f"{kind}JobSummaries")
    ]
    own_groups = listed(target, "logs", "describe_log_groups", "logGroups", logGroupNamePrefix=target.place.glue_logs)
    groups = [*JOB_GROUPS, *(item["logGroupName"] for item in own_groups)]
    streams = [
        f"{group}:{item['logStreamName']}"
        for group in groups
        for item in listed(target, "logs", "describe_log_streams", "logStreams", logGroupName=group)
    ]
    metrics = listed(target, "cloudwatch", "list_metrics", "Metrics", Namespace=f"mlops/{target.stage}")
    return Seen(
        executions=tuple(platform.executions()),
        jobs=frozenset(name for name in jobs if name.startswith(target.prefix)),
        versions=tuple((item.number, item.approval) for item in versions(target.place, MODEL)),
        streams=frozenset(name for name in streams if target.prefix in name or target.place.glue_logs in name),
        metrics=frozenset(map(str, metrics)),
        run=RunReader(target.place, model=MODEL).read(run_id),
    )


def test_one_file_is_one_run_in_both_environments(account: Mapping[str, Platform], runs: dict[str, Run]) -> None:
    assert (runs["dev"].state, runs["prod"].state) == ("live", "waiting"), runs
    assert runs["dev"].run_id == runs["prod"].run_id
    for stage, platform in account.items():
        assert platform.executions() == [f"run-{runs[stage].run_id}"]
        assert [item.number for item in versions(platform.target.place, MODEL)] == [1]


def test_every_job_says_whose_it_is(account: Mapping[str, Platform], runs: dict[str, Run]) -> None:
    found = {stage: seen(account[stage], run.run_id) for stage, run in runs.items()}
    for stage, own in found.items():
        steps = {"prepare": "Prepare", "train": "Train", "evaluation": "Evaluate"}
        made = {steps[name.removeprefix(f"mlops-{stage}-").split("-")[0]] for name in own.jobs}
        assert (len(own.jobs), made) == (3, set(steps.values()))
        # A stream of each job at least, and of the ETL's output and errors.
        assert {name.partition(":")[0] for name in own.streams} >= {*JOB_GROUPS, f"/aws-glue/mlops-{stage}/output"}
    sagemaker = account["dev"].target
    names = [
        item[f"{kind}JobName"]
        for kind in ("Processing", "Training")
        for item in listed(sagemaker, "sagemaker", f"list_{kind.lower()}_jobs", f"{kind}JobSummaries")
    ]
    assert set(names) == found["dev"].jobs | found["prod"].jobs


def test_a_retry_in_dev_is_not_seen_in_prod(account: Mapping[str, Platform], runs: dict[str, Run]) -> None:
    dev, prod = account["dev"], account["prod"]
    run_id = runs["dev"].run_id
    before = {stage: seen(account[stage], run_id) for stage in STAGES}
    train_again(dev.target, model=MODEL, run_id=run_id)
    again = dev.follow(run_id)
    after = {stage: seen(account[stage], run_id) for stage in STAGES}
    assert again.final
    assert len(after["dev"].executions) == 2
    assert after["dev"].jobs > before["dev"].jobs
    assert after["prod"] == before["prod"]
    assert runs["prod"].state == after["prod"].run.state == "waiting"
    assert prod.executions() == [f"run-{run_id}"]


def test_a_decision_in_prod_changes_nothing_in_dev(account: Mapping[str, Platform], runs: dict[str, Run]) -> None:
    """Nor one in dev in prod: both are read where they belong before it is looked at the other one."""
    from cli import registry

    dev, prod = account["dev"], account["prod"]
    before = serving(dev)
    registry.approve(prod.target, version(prod, 1), reason="looks fine")
    assert wait_for(prod, 1, "deployed", "failed").live
    assert serving(dev) == before
    wait_until_empty(prod, "serving-DeploymentQueue")
    live, told = serving(prod), said(dev, "DeployModel", NONE_APPROVED)
    registry.reject(dev.target, version(dev, 1), reason="not here")
    wait_until_said(dev, "DeployModel", NONE_APPROVED, told)
    assert serving(prod) == live


def serving(platform: Platform) -> tuple[Any, ...]:
    """The endpoint, when it changed last, the version behind it, and the runs."""
    name = platform.target.resource_name(MODEL)
    endpoint = platform.target.client("sagemaker").describe_endpoint(EndpointName=name)
    return endpoint["EndpointConfigName"], endpoint["LastModifiedTime"], version(platform, 1), platform.executions()


def test_no_role_was_denied_anything(account: Mapping[str, Platform], runs: dict[str, Run]) -> None:
    calls: Callable[[], dict[str, Any]] = account["dev"].here.cloud.calls
    assert runs
    assert calls()["denied"] == []
