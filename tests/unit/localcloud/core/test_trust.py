"""Which trust policies let which services in: their conditions see what AWS sends, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.trust import may_assume

ACCOUNT, OTHER = "000000000000", "123456789012"
SOURCE, ARN = "aws:SourceAccount", "aws:SourceArn"


def role(service: str, **condition: dict[str, str]) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": f"{service}.amazonaws.com"}}
    trust = {"Version": "2012-10-17", "Statement": [statement | ({"Condition": condition} if condition else {})]}
    return {"Arn": f"arn:aws:iam::{ACCOUNT}:role/r", "AssumeRolePolicyDocument": trust}


def own(service: str, account: str = ACCOUNT) -> str:
    return f"arn:aws:{service}:us-east-1:{account}:*"


@pytest.mark.parametrize("service", ["sagemaker", "scheduler", "lambda", "glue", "apigateway"])
def test_a_service_that_acts_for_another_account_is_refused(service: str) -> None:
    principal = f"{service}.amazonaws.com"
    assert may_assume(role(service), principal)
    assert may_assume(role(service, StringEqualsIfExists={SOURCE: ACCOUNT}), principal)
    assert not may_assume(role(service, StringEqualsIfExists={SOURCE: OTHER}), principal)
    assert not may_assume(role(service, ArnLikeIfExists={ARN: own(service, OTHER)}), principal)
    assert not may_assume(role("ec2", StringEqualsIfExists={SOURCE: ACCOUNT}), principal)


@pytest.mark.parametrize(
    ("service", "allowed"),
    [("sagemaker", True), ("scheduler", True), ("lambda", False), ("glue", False), ("apigateway", False)],
)
def test_a_policy_may_insist_on_keys_only_where_the_service_is_known_to_send_them(service: str, allowed: bool) -> None:
    principal = f"{service}.amazonaws.com"
    assert may_assume(role(service, StringEquals={SOURCE: ACCOUNT}), principal) is allowed
    assert may_assume(role(service, ArnLike={ARN: own(service)}), principal) is allowed


def test_what_the_service_acts_for_is_compared() -> None:
    group = f"arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule-group"
    bound = role("scheduler", ArnEquals={ARN: f"{group}/nightly"})
    assert may_assume(bound, "scheduler.amazonaws.com", f"{group}/nightly")
    assert not may_assume(bound, "scheduler.amazonaws.com", f"{group}/default")


def test_a_grant_to_the_account_lets_no_service_in() -> None:
    trust = role("sagemaker")
    trust["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    assert not may_assume(trust, "sagemaker.amazonaws.com")
