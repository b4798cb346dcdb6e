"""GitHub's way into the account: whom each role trusts, and the little that each may do."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App
from cdk_nag import AwsSolutionsChecks

from stacks.config import ApiAccess, Delivery
from stacks.delivery import ISSUER, DeliveryStack
from tests.example import DEV, PROD
from tests.infrastructure.templates import Template, readable, statements

TOGETHER = (("dev", "prod"),)
# Callers of the REST API of one environment have a key, of the other they sign.
STAGES = {"dev": DEV, "prod": replace(PROD, api=ApiAccess(auth="iam"))}
FULL = Delivery(
    "octo/repo", TOGETHER, branch="trunk", repository_id="42", image_repository="mlops/page", cluster="apps"
)


def synth(config: Delivery, folder: Path) -> tuple[Template, list[str]]:
    """The template of the first account, and what cdk-nag finds."""
    app = App(outdir=str(folder), analytics_reporting=False, builtin_cloud_formation_validation=False)
    stack = DeliveryStack(app, config=config, stages=[STAGES[name] for name in config.accounts[0]])
    found = [violation.rule_name for violation in AwsSolutionsChecks(app).validate_scope(stack).violations]
    path = Path(app.synth().directory) / stack.template_file
    return Template(path, json.loads(path.read_text())), found


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> tuple[Template, list[str]]:
    return synth(FULL, tmp_path_factory.mktemp("delivery"))


@pytest.fixture(scope="module")
def template(full: tuple[Template, list[str]]) -> Template:
    return full[0]


def trust(template: Template, role: str) -> dict[str, Any]:
    roles = template.of_type("AWS::IAM::Role").items()
    ((_, found),) = [(name, one) for name, one in roles if name.startswith(f"{role}Role")]
    (statement,) = found["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert readable(statement["Principal"]["Federated"]).startswith("<GitHub")
    conditions: dict[str, Any] = statement["Condition"]
    return conditions


@pytest.mark.parametrize(
    ("role", "subject", "claims"),
    [
        ("DeployDev", "environment:dev", {"ref": "refs/heads/trunk", "environment": "dev"}),
        ("DeployProd", "environment:prod", {"ref": "refs/heads/trunk", "environment": "prod"}),
        ("Push", "ref:refs/heads/trunk", {"ref": "refs/heads/trunk"}),
        ("Rollout", "environment:page", {"ref": "refs/heads/trunk", "environment": "page"}),
    ],
)
def test_a_role_is_bound_to_repository_branch_and_environment(
    template: Template, role: str, subject: str, claims: dict[str, str]
) -> None:
    exact = {"aud": "sts.amazonaws.com", "repository": "octo/repo", "repository_id": "42", **claims}
    assert trust(template, role) == {
        "StringEquals": {f"{ISSUER}:{claim}": value for claim, value in exact.items()},
        "StringLike": {f"{ISSUER}:sub": f"repo:octo*/repo*:{subject}"},
    }


@pytest.mark.parametrize(
    ("accounts", "environment"),
    [
        ((("dev", "prod"),), "prod-diff"),
        ((("dev",), ("prod",)), "dev-diff"),
        ((("prod",), ("dev",)), "prod-diff"),
    ],
    ids=["together", "dev alone", "prod alone"],
)
def test_the_code_of_a_pull_request_reads_an_account_in_an_environment_of_its_own(
    tmp_path: Path, accounts: tuple[tuple[str, ...], ...], environment: str
) -> None:
    """Reviewers of prod-diff look first, wherever prod is; a branch of Dependabot is no one's."""
    template, _ = synth(Delivery("octo/repo", accounts), tmp_path)
    exact = {"aud": "sts.amazonaws.com", "repository": "octo/repo", "environment": environment}
    assert trust(template, "Diff") == {
        "StringEquals": {f"{ISSUER}:{claim}": value for claim, value in exact.items()},
        "StringLike": {f"{ISSUER}:sub": f"repo:octo*/repo*:environment:{environment}"},
        "StringNotEquals": {f"{ISSUER}:actor": "dependabot[bot]"},
    }


def test_roles_may_do_what_their_workflow_does(template: Template) -> None:
    granted: dict[str, dict[str, tuple[str, ...]]] = {}
    for statement in statements(template):
        name = statement.role.removeprefix("<").partition("Role")[0]
        granted.setdefault(name, {})[statement.actions[0]] = statement.resources
    bootstrap = "arn:<AWS::Partition>:iam::<AWS::AccountId>:role/cdk-hnb659fds-{}-role-<AWS::AccountId>-*"
    deploying = tuple(bootstrap.format(kind) for kind in ("deploy", "file-publishing", "lookup"))
    assert granted == {
        "Diff": {"sts:AssumeRole": (bootstrap.format("lookup"),)},
        "DeployDev": {"sts:AssumeRole": deploying},
        "DeployProd": {
            "sts:AssumeRole": deploying,
            "execute-api:Invoke": (
                "arn:<AWS::Partition>:execute-api:*:<AWS::AccountId>:*/v1/POST/models/*/predictions",
            ),
        },
        "Push": {
            "ecr:BatchCheckLayerAvailability": ("<Images2D38C313.Arn>",),
            "ecr:GetAuthorizationToken": ("*",),
        },
        "Rollout": {"eks:DescribeCluster": ("arn:<AWS::Partition>:eks:<AWS::Region>:<AWS::AccountId>:cluster/apps",)},
    }


def test_without_options_there_are_only_the_roles_that_need_none(tmp_path: Path) -> None:
    template, found = synth(Delivery("octo/repo", TOGETHER, provider=False), tmp_path)
    roles = {name.partition("Role")[0] for name in template.of_type("AWS::IAM::Role")}
    assert (roles, found) == ({"Diff", "DeployDev", "DeployProd"}, [])
    assert template.of_type("AWS::IAM::OIDCProvider") == {}
    principals = {
        readable(role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Federated"])
        for role in template.of_type("AWS::IAM::Role").values()
    }
    assert principals == {f"arn:<AWS::Partition>:iam::<AWS::AccountId>:oidc-provider/{ISSUER}"}


@pytest.mark.parametrize(("account", "other"), [("dev", "prod"), ("prod", "dev")])
def test_an_account_of_its_own_lets_in_the_jobs_of_no_other_environment(
    tmp_path: Path, account: str, other: str
) -> None:
    """Dev's jobs wait for nobody's approval, and the CDK's roles of an account deploy whatever is in it."""
    template, _ = synth(Delivery("octo/repo", ((account,), (other,))), tmp_path)
    text = json.dumps(template.document)
    assert f"environment:{account}" in text
    assert f"environment:{account}-diff" in text
    assert f"environment:{other}" not in text


def test_checkers_find_nothing(full: tuple[Template, list[str]]) -> None:
    template, found = full
    assert found == []
    command = [str(Path(sys.executable).with_name("cfn-lint")), "--regions", "eu-west-1", "--ignore-checks", "W3005"]
    done = subprocess.run([*command, "--template", str(template.path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr
