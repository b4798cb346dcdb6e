"""What lies outside of a version never rejects it; a model is stopped and brought back. Tests build on each other."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cli import deployment, registry, serving
from cli.deployment import wanted_version
from cli.errors import CliError
from tests.e2e.alarms import fired, wait_until_fired
from tests.e2e.conftest import MODEL, Platform
from tests.e2e.handled import said, wait_until_empty, wait_until_said
from tests.e2e.versions import answering, copy_of, version, wait_for, wait_until_live
from tracking.states import State
from tracking.versions import versions

STAYS = "Version stays as it is"
Rows = Callable[..., Path]


def states(platform: Platform) -> dict[int, State]:
    return {found.number: found.state for found in versions(platform.target.place, MODEL)}


def model_role(platform: Platform) -> str:
    (role,) = [name for key, name in platform.target.resources("AWS::IAM::Role").items() if key.startswith("ModelRole")]
    return role


def test_a_role_that_cannot_read_leaves_every_approval_alone(platform: Platform, rows_file: Rows) -> None:
    """Four approved versions had been rejected one after the other for this."""
    platform.run(rows_file(seed=311, rows=6000))
    wait_for(platform, 1, "deployed")
    iam, role = platform.target.client("iam"), model_role(platform)
    deny = {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*"}
    iam.put_role_policy(
        RoleName=role,
        PolicyName="fault",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [deny]}),
    )
    failures = "california-housing-deployment-failures"
    before = fired(platform, failures)
    for _ in range(3):
        registry.approve(platform.target, version(platform, copy_of(platform, 1)), reason="fine")
    blocked = wait_for(platform, 4, "blocked")
    assert (blocked.approval, blocked.state) == ("Approved", State.BLOCKED)
    assert "Could not access model data" in blocked.metadata["deployment_reason"]
    wait_until_fired(platform, failures, before)
    found = versions(platform.target.place, MODEL)
    assert {item.approval for item in found} == {"Approved"}
    assert answering(platform) == "1"
    iam.delete_role_policy(RoleName=role, PolicyName="fault")
    # By itself after minutes, which are real ones here; at once by `mlops deploy`.
    serving._ask(platform.target, wanted_version(platform.target, MODEL))
    assert deployment.wait_until_live(platform.target, MODEL, 4).live


def test_a_rejected_version_without_another_goes_on_serving_and_is_told(platform: Platform) -> None:
    name = "california-housing-rejected-serving"
    before = fired(platform, name)
    for number in (1, 2, 3, 4):
        registry.reject(platform.target, version(platform, number), reason="not any more")
    wait_until_fired(platform, name, before)
    assert states(platform)[4] == State.STILL_SERVING
    assert answering(platform) == "4"
    registry.approve(platform.target, version(platform, 4), reason="after all")
    wait_for(platform, 4, "deployed")
    assert states(platform)[4] == State.LIVE


def test_a_stopped_model_stays_stopped_until_it_is_brought_back(platform: Platform) -> None:
    target = platform.target
    serving._mark(target, versions(target.place, MODEL))
    assert serving._take_down(target, MODEL, serving._endpoints(target, MODEL)) == [target.resource_name(MODEL)]
    assert states(platform)[4] == State.STOPPED
    with pytest.raises(CliError, match="no version of california_housing is live"):
        answering(platform)
    # The event of another decision is none of its business.
    wait_until_empty(platform, "serving-DeploymentQueue")
    before = said(platform, "DeployModel", STAYS)
    registry.reject(target, version(platform, 1), reason="still not")
    wait_until_said(platform, "DeployModel", STAYS, before)
    assert target.client("sagemaker").list_endpoints()["Endpoints"] == []
    serving._ask(target, wanted_version(target, MODEL))
    assert deployment.wait_until_live(target, MODEL, 4).state == State.LIVE
    assert answering(platform) == "4"


def test_an_endpoint_that_was_deleted_by_hand_is_brought_back(platform: Platform) -> None:
    target = platform.target
    target.client("sagemaker").delete_endpoint(EndpointName=target.resource_name(MODEL))
    target.client("sagemaker").get_waiter("endpoint_deleted").wait(
        EndpointName=target.resource_name(MODEL), WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
    assert states(platform)[4] == State.GONE
    serving._ask(target, wanted_version(target, MODEL))
    assert deployment.wait_until_live(target, MODEL, 4).live
    assert answering(platform) == "4"


def test_an_approval_ends_a_stop(platform: Platform) -> None:
    target = platform.target
    serving._mark(target, versions(target.place, MODEL))
    serving._take_down(target, MODEL, serving._endpoints(target, MODEL))
    newer = copy_of(platform, 4)
    registry.approve(target, version(platform, newer), reason="the next one")
    wait_until_live(platform, newer)
    assert wait_for(platform, newer, "deployed").live
    assert states(platform)[4] in (State.SUPERSEDED, State.STOPPED)
