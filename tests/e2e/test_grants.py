"""Every grant is needed: without it the run fails and says which role lacks which action on which resource."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli.runs import retry
from tests.e2e.alarms import fired, wait_until, wait_until_fired
from tests.e2e.conftest import Platform
from tracking.logs import log_tail

Rows = Callable[..., Path]


@dataclass(frozen=True)
class Grant:
    """One action of one role (named by its logical id's start), and the kind of resource that it is needed on."""

    role: str
    action: str
    resource: str


GRANTS = [
    Grant("PreProcessingRole", "s3:GetObjectVersion", "raw"),
    Grant("PreProcessingRole", "glue:GetWorkflowRunProperties", "workflow/"),
    Grant("PrepareRoleCaliforniaHousing", "s3:GetObject", "processed"),
    Grant("TrainRoleCaliforniaHousing", "s3:PutObject", "artifact"),
    Grant("EvaluateRoleCaliforniaHousing", "s3:ListBucket", "artifact"),
    Grant("PipelineRole", "sagemaker:CreateTrainingJob", "training-job/"),
    Grant("PipelineRole", "iam:PassRole", "role/"),
]


@contextmanager
def without(platform: Platform, grant: Grant) -> Iterator[str]:
    """Take the action out of the role's inline policies for the time of the block; yields the role's name."""
    iam = platform.target.client("iam")
    role = next(r["RoleName"] for r in iam.list_roles()["Roles"] if grant.role in r["RoleName"])
    saved: dict[str, dict[str, Any]] = {}
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        saved[name] = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        iam.put_role_policy(
            RoleName=role, PolicyName=name, PolicyDocument=json.dumps(_without(saved[name], grant.action))
        )
    try:
        yield role
    finally:
        for name, document in saved.items():
            iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))


def _without(document: dict[str, Any], action: str) -> dict[str, Any]:
    kept = []
    for statement in document["Statement"]:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        left = [a for a in actions if a.rstrip("*") not in (action, action.rstrip("*")) and not _covers(a, action)]
        if left:
            kept.append({**statement, "Action": left})
    assert kept != document["Statement"], f"no statement grants {action}"
    return {**document, "Statement": kept}


def _covers(pattern: str, action: str) -> bool:
    return pattern.endswith("*") and action.startswith(pattern[:-1])


@pytest.mark.parametrize("grant", GRANTS, ids=lambda g: f"{g.role}-{g.action}")
def test_a_missing_grant_is_named(platform: Platform, rows_file: Rows, grant: Grant) -> None:
    seed = 100 + GRANTS.index(grant)
    with without(platform, grant) as role:
        run = platform.run(rows_file(seed=seed))
    assert run.state == "failed"
    step = run.failed_step
    message = "\n".join(
        [run.reason, *(log_tail(platform.target.place, step) if step else ()), step.reason if step else ""]
    )
    assert role in message
    assert grant.action in message
    assert grant.resource in message
    denied = platform.here.cloud.calls()["denied"]
    assert any(d["role"] == role and d["action"] == grant.action and grant.resource in d["resource"] for d in denied)


def test_a_run_goes_on_after_the_missing_grant_was_given(platform: Platform, rows_file: Rows) -> None:
    grant = Grant("TrainRoleCaliforniaHousing", "s3:GetObject", "artifact")
    wait_until(platform, "pipeline-failures", "OK")
    before = fired(platform, "pipeline-failures")
    with without(platform, grant):
        failed = platform.run(rows_file(seed=200, rows=6000))
    assert failed.state == "failed"
    assert grant.action in failed.reason
    wait_until_fired(platform, "pipeline-failures", before)
    retry(platform.target, failed)
    run = platform.follow(failed.run_id)
    assert run.state == "live", run.reason
    assert next(step.status for step in run.steps if step.name == "Prepare") == "Cached"
