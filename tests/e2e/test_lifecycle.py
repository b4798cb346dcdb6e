"""A version after the gate: deployed, verified, rolled back, taken back, taken down. The tests build on each other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cli import registry, teardown
from cli.batch import run as predict_file
from cli.errors import CliError
from tests.e2e.alarms import fired, wait_until, wait_until_fired
from tests.e2e.conftest import MODEL, QUIET, Platform
from tests.e2e.versions import answering, copy_of, version, wait_for, wait_until_live, with_code
from tracking.versions import versions

Rows = Callable[..., Path]
FAILURES = "california-housing-deployment-failures"


def test_versions_are_deployed_and_verified(platform: Platform, rows_file: Rows) -> None:
    first, second = (platform.run(rows_file(seed=seed, rows=6000)) for seed in (301, 302))
    assert (first.model_version, second.model_version) == (1, 2)
    found = versions(platform.target.place, MODEL)
    assert [(v.number, v.approval, v.live) for v in found] == [(2, "Approved", True), (1, "Approved", False)]
    assert [v.metadata["deployment_state"] for v in found] == ["deployed", "deployed"]
    assert "golden rows predict as when the model was evaluated" in found[0].metadata["deployment_reason"]
    assert found[0].metadata["run_id"] == second.run_id
    assert answering(platform) == "2"


def test_rollback_goes_to_the_version_before_and_says_who_and_why(platform: Platform) -> None:
    wanted = registry.rollback(platform.target, MODEL, number=None, reason="prices look odd")
    assert wanted.number == 1
    wait_until_live(platform, 1)
    wait_for(platform, 1, "deployed")
    assert answering(platform) == "1"
    rejected = version(platform, 2)
    assert rejected.approval == "Rejected"
    assert "rolled back to version 1: prices look odd" in rejected.description
    with pytest.raises(CliError, match="no approved version of california_housing before 1"):
        registry.rollback(platform.target, MODEL, number=None, reason="again")


def test_a_rejected_version_can_be_approved_again(platform: Platform) -> None:
    registry.approve(platform.target, version(platform, 2), reason="they were right")
    wait_until_live(platform, 2)
    assert wait_for(platform, 2, "deployed").description.endswith("they were right")


def test_a_version_that_predicts_otherwise_than_evaluated_is_taken_back(platform: Platform) -> None:
    """It carries the artifact of version 1 and the golden rows of version 2."""
    bad = copy_of(platform, 2, ModelDataUrl=version(platform, 1).artifact)
    before = fired(platform, FAILURES)
    registry.approve(platform.target, version(platform, bad), reason="looks fine")
    refused = wait_for(platform, bad, "failed")
    assert refused.approval == "Rejected"
    assert "golden rows predict otherwise" in refused.description
    wait_until_fired(platform, FAILURES, before)
    wait_until_live(platform, 2)
    assert answering(platform) == "2"


def test_a_model_that_is_slow_and_fails_is_told_by_the_alarms_of_its_endpoint(platform: Platform) -> None:
    """Its golden rows are the first that it fails on; at first it takes half a second longer than is called slow."""
    code = """

SECONDS = [12.5]


def predict_fn(data, model):
    import time
    time.sleep(SECONDS.pop() if SECONDS else 0)
    raise RuntimeError('broken')
"""
    bad = copy_of(platform, 2, ModelDataUrl=with_code(platform, version(platform, 2).artifact, code))
    before = {name: fired(platform, f"california-housing-{name}") for name in ("5xx", "latency")}
    registry.approve(platform.target, version(platform, bad), reason="looks fine")
    assert "The model fails on golden rows" in wait_for(platform, bad, "failed", seconds=60).description
    for name, count in before.items():
        wait_until_fired(platform, f"california-housing-{name}", count)
    wait_until_live(platform, 2)


def test_an_artifact_that_cannot_be_served_never_becomes_live(platform: Platform) -> None:
    bad = copy_of(platform, 2, ModelDataUrl=version(platform, 2).artifact.replace("model.tar.gz", "nothing.tar.gz"))
    wait_until(platform, FAILURES, "OK")
    before = fired(platform, FAILURES)
    registry.approve(platform.target, version(platform, bad), reason="looks fine")
    refused = wait_for(platform, bad, "rolled_back", "failed")
    assert refused.approval == "Rejected"
    wait_until_fired(platform, FAILURES, before)
    assert answering(platform) == "2"


def decide(platform: Platform, number: int, approval: str) -> None:
    """As somebody does it in the console."""
    arn = version(platform, number).arn
    platform.target.client("sagemaker").update_model_package(ModelPackageArn=arn, ModelApprovalStatus=approval)


def test_of_racing_approvals_the_newest_wins_and_each_is_recorded(platform: Platform) -> None:
    older, newer = copy_of(platform, 2), copy_of(platform, 2)
    for number in (newer, older):
        decide(platform, number, "Approved")
    wait_until_live(platform, newer)
    assert wait_for(platform, newer, "deployed").live
    assert wait_for(platform, older, "superseded", "deployed").live is False
    assert answering(platform) == str(newer)


def test_taking_down_leaves_nothing_but_what_is_retained(platform: Platform, rows_file: Rows, tmp_path: Path) -> None:
    target = platform.target
    predict_file(target, model=MODEL, file=rows_file(seed=303, rows=10), to=tmp_path / "out.csv", console=QUIET)
    there = teardown.inventory(target, protected=False)
    assert {"endpoint", "model", "model version", "stack"} <= {thing.kind for thing in there}
    assert any(thing.kind == "model" and f"{target.resource_name(MODEL)}-b" in thing.name for thing in there)
    kept = teardown.destroy(target, protected=False, on_step=lambda _: None)
    assert teardown.inventory(target, protected=False) == []
    assert {thing.kind for thing in kept} == {"retained AWS::IAM::Role", "retained AWS::ApiGateway::Account"}
    buckets = [bucket["Name"] for bucket in target.client("s3").list_buckets()["Buckets"]]
    assert [name for name in buckets if name.startswith("mlops-dev")] == []
    roles = {role["RoleName"] for role in target.client("iam").list_roles()["Roles"]}
    assert {name for name in roles if name.startswith("mlops-dev")} <= {thing.name for thing in kept}
    assert target.client("lambda").list_functions()["Functions"] == []
