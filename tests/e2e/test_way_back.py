"""prod destroyed and deployed again, and a model out and back in, with the real command lines: nothing is lost."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli.teardown import ORDER
from localcloud.host import LocalCloud
from tests.e2e.cdk_cli import APP, ROOT, Cli, app_without

pytestmark = pytest.mark.slow

ACCOUNT = "000000000000"
MODELS = ("california-housing", "breast-cancer")
DATA = "mlops-prod-data"
NEVER = ("--require-approval", "never")


@dataclass(frozen=True)
class Holdings:
    """What must outlive the stacks: objects by bucket, versions by group, and how the buckets are set."""

    objects: dict[str, list[str]]
    versions: dict[str, list[int]]
    versioned: dict[str, str]


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    folder = tmp_path_factory.mktemp("back")
    with LocalCloud(state_dir=folder / "state", account=ACCOUNT) as cloud:
        made = Cli(cloud, folder / "out")
        done = made.run("bootstrap", f"aws://{ACCOUNT}/{cloud.region}")
        assert done.returncode == 0, done.stdout
        yield made


@pytest.fixture(scope="module")
def first(cli: Cli) -> Holdings:
    """What prod held after its first deployment, with data and a version of each model."""
    done = cli.run("deploy", "prod/*", *NEVER)
    assert done.returncode == 0, done.stdout
    # Where no event starts anything.
    bucket = cli.outputs(DATA)["ArtifactBucketName"]
    cli.cloud.client("s3").put_object(Bucket=bucket, Key="california_housing/models/kept", Body=b"1")
    for model in MODELS:
        cli.cloud.client("sagemaker").create_model_package(ModelPackageGroupName=f"mlops-prod-{model}")
    return held(cli)


def held(cli: Cli) -> Holdings:
    s3, sagemaker = cli.cloud.client("s3"), cli.cloud.client("sagemaker")
    buckets = [item["Name"] for item in s3.list_buckets()["Buckets"] if item["Name"].startswith("mlops-prod-")]
    groups = sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"]
    listed = {item["ModelPackageGroupName"]: list_versions(sagemaker, item) for item in groups}
    return Holdings(
        objects={name: objects(s3, name) for name in buckets},
        versions=listed,
        versioned={name: s3.get_bucket_versioning(Bucket=name).get("Status", "") for name in buckets},
    )


def objects(s3: Any, bucket: str) -> list[str]:
    """Without the bookmark of the look for lost events, which runs by the clock."""
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
    return [key for key in keys if not key.startswith("reconcile/")]


def list_versions(sagemaker: Any, group: dict[str, Any]) -> list[int]:
    found = sagemaker.list_model_packages(ModelPackageGroupName=group["ModelPackageGroupName"])
    return [item["ModelPackageVersion"] for item in found["ModelPackageSummaryList"]]


def mlops(cli: Cli, *arguments: str) -> subprocess.CompletedProcess[str]:
    keys = cli.cloud.keys
    own = {"AWS_ACCESS_KEY_ID": keys.access_key, "AWS_SECRET_ACCESS_KEY": keys.secret_key}
    return cli.call(str(ROOT / "dev"), "mlops", *arguments, "--env", "prod", "--on", "aws", credentials=own)


def destroy(cli: Cli) -> None:
    """As somebody does who means it: the protection of the stacks is lifted first."""
    refused = mlops(cli, "destroy", "--yes")
    assert refused.returncode == 1, refused.stdout
    assert "protected against deletion" in refused.stdout
    for stack in ORDER:
        protect(cli, f"mlops-prod-{stack}", False)
    done = mlops(cli, "destroy", "--yes")
    assert done.returncode == 0, done.stdout


def protect(cli: Cli, stack: str, on: bool) -> None:
    cloudformation = cli.cloud.client("cloudformation")
    cloudformation.update_termination_protection(StackName=stack, EnableTerminationProtection=on)


def take_up(cli: Cli, *, app: str = APP) -> list[str]:
    """The steps that `mlops retained` says, carried out one after another. Returns them."""
    done = mlops(cli, "retained", "--json")
    assert done.returncode == 0, done.stdout
    steps: list[str] = json.loads(done.stdout.splitlines()[-1])["steps"]
    for step in steps:
        carry_out(cli, step, app)
    return steps


def carry_out(cli: Cli, step: str, app: str) -> None:
    """A command as it is printed. Those of the AWS command line, which is not here, by boto3."""
    program, *words = shlex.split(step)
    if program == "./dev":
        done = cli.run(*words[1:], *(NEVER if words[1] == "deploy" else ()), app=app)
        assert done.returncode == 0, done.stdout
        return
    service, operation, *options = words
    if operation == "wait":
        waiter = cli.cloud.client(service).get_waiter(options[0].replace("-", "_"))
        waiter.wait(StackName=options[-1], WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    elif operation == "update-termination-protection":
        assert options[0] == "--no-enable-termination-protection"
        protect(cli, options[-1], False)
    else:
        assert operation == "delete-stack"
        cli.cloud.client(service).delete_stack(StackName=options[-1])


def statuses(cli: Cli) -> dict[str, tuple[str, bool]]:
    found = cli.cloud.client("cloudformation").describe_stacks()["Stacks"]
    return {
        item["StackName"]: (item["StackStatus"], item["EnableTerminationProtection"])
        for item in found
        if item["StackName"].startswith("mlops-prod-")
    }


@pytest.mark.parametrize("time", ["once", "twice"])
def test_prod_comes_back_with_its_data_and_versions(cli: Cli, first: Holdings, time: str) -> None:
    assert time
    destroy(cli)
    assert statuses(cli) == {}
    assert held(cli) == first
    steps = take_up(cli)
    assert [step.split()[:3] for step in steps] == [["./dev", "cdk", "import"], ["./dev", "cdk", "deploy"]]
    assert held(cli) == first
    assert set(statuses(cli)) == {f"mlops-prod-{stack}" for stack in ORDER}
    assert all(protected for _, protected in statuses(cli).values())
    assert cli.outputs(DATA)["RawBucketName"] in first.objects
    assert mlops(cli, "retained").stdout.splitlines()[-1] == "Nothing of prod waits to be taken up: deploy as usual."


def test_a_deployment_that_forgot_them_fails_leaves_nothing_and_is_told_the_way(cli: Cli, first: Holdings) -> None:
    destroy(cli)
    done = cli.run("deploy", "prod/Data", *NEVER)
    assert done.returncode == 1, done.stdout
    assert "Model Package Group already exists" in done.stdout
    # What it made before it failed was empty: it is not retained.
    assert held(cli) == first
    assert statuses(cli) == {DATA: ("ROLLBACK_COMPLETE", True)}
    steps = take_up(cli)
    assert [step.split()[2] for step in steps[:3]] == ["update-termination-protection", "delete-stack", "wait"]
    assert held(cli) == first


def test_a_model_comes_back_to_its_versions(cli: Cli, first: Holdings, tmp_path: Path) -> None:
    done = cli.run("deploy", "prod/*", *NEVER, app=app_without(tmp_path, "breast_cancer"))
    assert done.returncode == 0, done.stdout
    assert held(cli) == first
    back = cli.run("deploy", "prod/Data", *NEVER)
    assert back.returncode == 1, back.stdout
    assert re.search("Model Package Group already exists", back.stdout)
    take_up(cli)
    assert held(cli) == first
    listed = cli.cloud.client("cloudformation").list_stack_resources(StackName=DATA)["StackResourceSummaries"]
    assert {"BreastCancerVersions", "BreastCancerTable"} <= {item["LogicalResourceId"] for item in listed}
