"""cdk bootstrap, deploy, diff and destroy: what a user types, with the rights that GitHub Actions have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from cli.diff_report import parse, report
from cli.smoke import check, through_lookup_role
from cli.target import Target
from cli.teardown import ORDER
from localcloud.host import LocalCloud
from tests.e2e.cdk_cli import Cli, app_without

pytestmark = pytest.mark.slow

ACCOUNT = "000000000000"
ON_DEV = {"sub": "environment:dev", "environment": "dev", "ref": "refs/heads/main"}
# Dev and prod share the account, so that its diffs wait for the reviewers of prod's.
IN_PULL_REQUEST = {"sub": "pull_request", "ref": "refs/pull/7/merge"}
REVIEWED = {"sub": "environment:prod-diff", "environment": "prod-diff", "ref": "refs/pull/7/merge", "actor": "ann"}
COMMIT = "c0ffee"


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    folder = tmp_path_factory.mktemp("cdk")
    with LocalCloud(state_dir=folder / "state", account=ACCOUNT) as cloud:
        yield Cli(cloud, folder / "out")


@pytest.fixture(scope="module")
def delivery(cli: Cli) -> str:
    """An account that is bootstrapped and knows GitHub. What the command line printed."""
    bootstrap = cli.run("bootstrap", f"aws://{ACCOUNT}/{cli.cloud.region}")
    assert bootstrap.returncode == 0, bootstrap.stdout
    assert f"Environment aws://{ACCOUNT}/{cli.cloud.region} bootstrapped" in bootstrap.stdout
    done = cli.run("deploy", "DeliveryDevProd", "--require-approval", "never")
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def dev(cli: Cli, delivery: str) -> str:
    """The dev environment, deployed by a workflow. What the command line printed."""
    cli.cloud.reset_calls()
    credentials = cli.github("DeployDevRoleArn", **ON_DEV)
    never = ("--require-approval", "never")
    done = cli.run("deploy", "dev/*", *never, credentials=credentials, CODE_COMMIT=COMMIT)
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_delivery_prints_the_roles_to_paste_into_github(delivery: str) -> None:
    printed = re.findall(r"DeliveryDevProd\.(\w+) = arn:aws:iam::000000000000:role/", delivery)
    assert set(printed) == {"DiffRoleArn", "DeployDevRoleArn", "DeployProdRoleArn"}


@pytest.mark.parametrize(
    ("role", "claims", "repository"),
    [
        ("DeployDevRoleArn", ON_DEV | {"ref": "refs/heads/feature"}, "octo-org/mlops"),
        ("DeployDevRoleArn", IN_PULL_REQUEST, "octo-org/mlops"),
        ("DeployDevRoleArn", ON_DEV, "octo-org/mlops-fork"),
        ("DeployProdRoleArn", ON_DEV, "octo-org/mlops"),
        ("DiffRoleArn", {"sub": "ref:refs/heads/main", "ref": "refs/heads/main"}, "octo-org/mlops"),
        ("DiffRoleArn", IN_PULL_REQUEST, "octo-org/mlops"),
        ("DiffRoleArn", REVIEWED | {"actor": "dependabot[bot]"}, "octo-org/mlops"),
    ],
    ids=[
        "another branch",
        "a pull request",
        "another repository",
        "another environment",
        "a push",
        "before review",
        "dependabot",
    ],
)
def test_a_role_trusts_its_workflow_only(
    cli: Cli, delivery: str, role: str, claims: dict[str, str], repository: str
) -> None:
    with pytest.raises(ClientError, match="Not authorized to perform sts:AssumeRoleWithWebIdentity"):
        cli.github(role, repository=repository, **claims)


def test_deploy_prints_what_people_need(dev: str) -> None:
    printed = set(re.findall(r"^dev\w+\.(\w+) = \S", dev, re.MULTILINE))
    assert {"ApiUrl", "ApiKeyId", "RawBucketName", "ProcessedBucketName", "ModelNames", "WorkflowName"} <= printed
    deployed = re.findall(r"^\s*✅  dev/\w+ \(mlops-dev-(\w+)\)$", dev, re.MULTILINE)
    assert sorted(deployed) == sorted(ORDER)


def test_deploying_needs_the_bootstrap_roles_and_nothing_else(cli: Cli, dev: str) -> None:
    calls = cli.cloud.calls()
    workflow = next(name for name in calls["roles"] if name.startswith("mlops-delivery-DeployDevRole"))
    # Everybody may ask who they are.
    assert set(calls["roles"][workflow]["actions"]) == {"sts:AssumeRole", "sts:GetCallerIdentity"}
    assert calls["denied"] == []
    deploying = calls["roles"][f"cdk-hnb659fds-deploy-role-{ACCOUNT}-us-east-1"]["actions"]
    assert {"cloudformation:CreateChangeSet", "cloudformation:ExecuteChangeSet"} <= set(deploying)
    publishing = calls["roles"][f"cdk-hnb659fds-file-publishing-role-{ACCOUNT}-us-east-1"]["actions"]
    assert publishing["s3:PutObject"] > len(ORDER)


def test_stacks_carry_tags_and_a_description(cli: Cli, dev: str) -> None:
    found = {
        stack["StackName"]: stack
        for stack in cli.cloud.client("cloudformation").describe_stacks()["Stacks"]
        if stack["StackName"].startswith("mlops-dev-")
    }
    assert set(found) == {f"mlops-dev-{name}" for name in ORDER}
    for stack in found.values():
        assert {tag["Key"]: tag["Value"] for tag in stack["Tags"]} == {"project": "mlops", "stage": "dev"}
        assert stack["Description"]
        assert not stack["EnableTerminationProtection"]


def test_a_fresh_environment_passes_the_smoke_test_with_the_rights_of_the_workflow(cli: Cli, dev: str) -> None:
    keys = cli.github("DeployDevRoleArn", **ON_DEV)
    workflow = boto3.Session(
        keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"], keys["AWS_SESSION_TOKEN"], cli.cloud.region
    )
    target = through_lookup_role(Target(stage="dev", session=workflow, endpoint=cli.cloud.endpoint))
    answers = check(target)
    assert {answer.model: answer.verdict for answer in answers} == {
        "breast_cancer": "no model yet",
        "california_housing": "no model yet",
    }
    assert cli.cloud.calls()["denied"] == []


def test_diff_without_a_change_finds_none(cli: Cli, dev: str) -> None:
    for method in ("change-set", "template"):
        done = cli.run("diff", "dev/*", "--fail", "--method", method, CODE_COMMIT=COMMIT)
        assert (done.returncode, done.stdout.count("There were no differences")) == (0, len(ORDER)), done.stdout


def test_a_pull_request_without_a_change_shows_none(cli: Cli, dev: str) -> None:
    """The workflow's own script, with its rights: it finds out which commit is deployed."""
    credentials = cli.github("DiffRoleArn", **REVIEWED)
    done = cli.call(".ci/infra-diff", "dev", credentials=credentials)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("There were no differences") == len(ORDER), done.stdout
    assert "Number of stacks with differences: 0" in done.stdout


def test_diff_shows_a_model_that_is_taken_away_with_the_rights_to_read_alone(
    cli: Cli, dev: str, tmp_path: Path
) -> None:
    credentials = cli.github("DiffRoleArn", **REVIEWED)
    app = app_without(tmp_path, "breast_cancer")
    done = cli.run("diff", "dev/*", "--fail", "--method", "template", app=app, credentials=credentials)
    assert done.returncode == 1, done.stdout
    assert "[-] AWS::SageMaker::ModelPackageGroup BreastCancerVersions destroy" in done.stdout
    assert f"Number of stacks with differences: {len(ORDER)}" in done.stdout
    stacks = parse(done.stdout)
    # The dashboard showed the model, too. In which order is up to the CDK.
    assert sorted(stack.name for stack in stacks) == sorted(f"dev/{name.capitalize()}" for name in ORDER)
    assert {change.logical_id for stack in stacks for change in stack.losses} == {
        "BreastCancerTable",
        "BreastCancerVersions",
    }
    text = report(stacks, allowed=False)
    assert len(text) < 65_536
    assert ACCOUNT not in text


def test_a_wrong_model_is_one_sentence_and_nothing_is_deployed(cli: Cli, dev: str, tmp_path: Path) -> None:
    app = app_without(tmp_path, "breast_cancer")
    model = tmp_path / "models" / "broken" / "model.toml"
    model.parent.mkdir()
    source = tmp_path / "models" / "california_housing" / "model.toml"
    model.write_text(source.read_text().replace("california_housing", "broken").replace("train = 0.64", "train = 0.74"))
    done = cli.run("deploy", "dev/*", "--require-approval", "never", app=app)
    assert done.returncode == 1
    assert re.search(r"models/broken/model\.toml: split.*1", done.stdout), done.stdout
    assert "Traceback" not in done.stdout
    assert "deploying" not in done.stdout


def test_the_other_stacks_do_not_notice_that_the_data_stack_was_made_anew_until_they_are_too(
    cli: Cli, dev: str
) -> None:
    """As docs/ci.md says, and with its commands."""
    never = ("--require-approval", "never")
    assert cli.run("destroy", "dev/Data", "--exclusively", "--force").returncode == 0
    done = cli.run("deploy", "dev/*", *never, CODE_COMMIT=COMMIT)
    assert done.returncode == 0, done.stdout
    assert re.findall(r"^\s*✅  dev/(\w+) .*\(no changes\)$", done.stdout, re.MULTILINE).count("Etl") == 1, done.stdout
    assert not is_there(cli, written_by_start_etl(cli))
    done = cli.run("destroy", "dev/Batch", "dev/Serving", "dev/Training", "dev/Etl", "--force")
    assert done.returncode == 0, done.stdout
    assert cli.run("deploy", "dev/*", *never, CODE_COMMIT=COMMIT).returncode == 0
    assert is_there(cli, written_by_start_etl(cli))


def written_by_start_etl(cli: Cli) -> str:
    """The bucket that the function has in its environment."""
    functions = cli.cloud.client("lambda").list_functions()["Functions"]
    (found,) = (one for one in functions if one["FunctionName"].startswith("mlops-dev-etl-StartEtl"))
    bucket: str = found["Environment"]["Variables"]["PROCESSED_BUCKET"]
    return bucket


def is_there(cli: Cli, bucket: str) -> bool:
    return bucket in {item["Name"] for item in cli.cloud.client("s3").list_buckets()["Buckets"]}


def test_prod_is_protected_from_destroy(cli: Cli, delivery: str) -> None:
    deployed = cli.run("deploy", "prod/Data", "--require-approval", "never")
    assert deployed.returncode == 0, deployed.stdout
    done = cli.run("destroy", "prod/Data", "--force")
    assert done.returncode == 1
    assert "cannot be deleted while TerminationProtection is enabled" in done.stdout
    (stack,) = cli.cloud.client("cloudformation").describe_stacks(StackName="mlops-prod-data")["Stacks"]
    assert stack["EnableTerminationProtection"]


def test_destroy_leaves_nothing_of_dev(cli: Cli, dev: str) -> None:
    done = cli.run("destroy", "dev/*", "--force")
    assert done.returncode == 0, done.stdout
    assert done.stdout.count(": destroyed") == len(ORDER)
    left = {stack["StackName"] for stack in cli.cloud.client("cloudformation").describe_stacks()["Stacks"]}
    assert not [name for name in left if name.startswith("mlops-dev-")]
    buckets = [item["Name"] for item in cli.cloud.client("s3").list_buckets()["Buckets"]]
    assert not [name for name in buckets if name.startswith("mlops-dev-")]
