"""Data and versions of a protected environment survive whatever state its stacks are in."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner, Result

from cli import main, protection, retained, teardown
from cli.disposal import remove
from cli.errors import CliError
from cli.estate import Thing, holdings
from cli.target import LOCAL_DIR, Target, local_target
from localcloud.host import LocalCloud

PREFIX = "mlops-prod-"
STACK = f"{PREFIX}data"
GROUP = f"{PREFIX}houses"
ARN = f"arn:aws:sagemaker:us-east-1:000000000000:model-package/{GROUP}/1"
KEPT = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
TEMPLATE: dict[str, Any] = {
    "Resources": {
        "RawBucket": {"Type": "AWS::S3::Bucket", **KEPT},
        "HousesVersions": {
            "Type": "AWS::SageMaker::ModelPackageGroup",
            "DependsOn": "RawBucket",
            "Properties": {"ModelPackageGroupName": GROUP},
            **KEPT,
        },
    }
}


NOTHING: Any = None


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with LocalCloud(state_dir=tmp_path_factory.mktemp("retained")) as started:
        yield started


@pytest.fixture
def prod(cloud: LocalCloud) -> Iterator[Target]:
    """The data stack of prod, with a version in its registry and a file in its bucket; deleted by CloudFormation."""
    target = local_target(endpoint=cloud.endpoint, stage="prod", region=cloud.region, keys=cloud.keys)
    assert create(target) == "CREATE_COMPLETE"
    target.client("sagemaker").create_model_package(ModelPackageGroupName=GROUP)
    target.client("s3").put_object(Bucket=bucket(target), Key="rows.csv", Body=b"a,b\n")
    delete(target)
    yield target
    delete(target)
    for kind, name in holdings(target):
        remove(target, Thing(f"retained {kind}", name, kept=True))


def delete(target: Target) -> None:
    cloudformation = target.client("cloudformation")
    try:
        cloudformation.update_termination_protection(StackName=STACK, EnableTerminationProtection=False)
    except ClientError as error:
        assert "does not exist" in str(error)
        return
    cloudformation.delete_stack(StackName=STACK)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=STACK, WaiterConfig=PACE)


PACE = {"Delay": 1, "MaxAttempts": 30}


def create(target: Target) -> str:
    """Status at the end."""
    cloudformation = target.client("cloudformation")
    cloudformation.create_stack(StackName=STACK, TemplateBody=json.dumps(TEMPLATE))
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        status = str(cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"])
        if not status.endswith("IN_PROGRESS"):
            return status
        time.sleep(0.05)
    raise AssertionError("the stack does not settle")


def bucket(target: Target) -> str:
    """The one that holds the file, or that is to hold it."""
    names = [item["Name"] for item in target.client("s3").list_buckets()["Buckets"]]
    return next(name for name in names if name.startswith(STACK))


def fail_to_redeploy(target: Target) -> None:
    """The group is there already; the bucket that was made before it is retained, too."""
    assert create(target) == "ROLLBACK_COMPLETE"


def leave_a_change_set(target: Target) -> None:
    target.client("cloudformation").create_change_set(
        StackName=STACK, ChangeSetName="look", ChangeSetType="CREATE", TemplateBody=json.dumps(TEMPLATE)
    )
    (stack,) = target.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    assert stack["StackStatus"] == "REVIEW_IN_PROGRESS"


def versions(target: Target) -> list[int]:
    found = target.client("sagemaker").list_model_packages(ModelPackageGroupName=GROUP)["ModelPackageSummaryList"]
    return [item["ModelPackageVersion"] for item in found]


def content(target: Target, name: str) -> bytes:
    return bytes(target.client("s3").get_object(Bucket=name, Key="rows.csv")["Body"].read())


def mlops(target: Target, monkeypatch: pytest.MonkeyPatch, *arguments: str, typed: str = "") -> Result:
    for module in (main, retained):
        monkeypatch.setattr(module, "find_target", lambda **_: target)
    monkeypatch.setattr(protection, "is_protected", lambda _: True)
    return CliRunner().invoke(main.app, arguments, input=typed)


@pytest.mark.parametrize("redeploy", [fail_to_redeploy, leave_a_change_set])
@pytest.mark.parametrize("protected", [True, False])
def test_a_stack_that_lists_nothing_is_no_permission_to_delete(prod: Target, redeploy: Any, protected: bool) -> None:
    """Nor is it one in an environment that is not protected: the stack that made these things kept them."""
    holding = bucket(prod)
    redeploy(prod)
    kept = teardown.destroy(prod, protected=protected, on_step=lambda _: None)
    assert (versions(prod), content(prod, holding)) == ([1], b"a,b\n")
    assert {thing.name for thing in kept} >= {GROUP, holding}


def test_yes_covers_nothing_that_is_retained(prod: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    holding = bucket(prod)
    done = mlops(prod, monkeypatch, "destroy", "--env", "prod", "--yes")
    assert done.exit_code == 0, done.output
    lines = [line.strip() for line in done.output.splitlines()]
    assert f"keep   retained AWS::SageMaker::ModelPackageGroup {GROUP}" in lines
    assert f"keep   retained AWS::S3::Bucket {holding}" in lines
    # However narrow the terminal: an ARN is one word.
    assert f"keep   retained model version {ARN}" in lines
    assert (versions(prod), content(prod, holding)) == ([1], b"a,b\n")


def test_what_is_retained_goes_by_its_name_and_that_of_its_environment(
    prod: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    holding = bucket(prod)
    named = ("destroy", "--env", "prod", "--yes", "--delete-retained", GROUP)
    for typed in ("", "y\n", "dev\n"):
        done = mlops(prod, monkeypatch, *named, typed=typed)
        assert (done.exit_code, versions(prod)) == (1, [1]), done.output
    done = mlops(prod, monkeypatch, *named, typed="prod\n")
    assert done.exit_code == 0, done.output
    assert f"delete retained AWS::SageMaker::ModelPackageGroup {GROUP}" in done.output
    assert f"delete retained model version {ARN}" in done.output
    assert holdings(prod) == [("AWS::S3::Bucket", holding)]
    done = mlops(prod, monkeypatch, "destroy", "--env", "prod", "--delete-retained", holding, typed="y\nprod\n")
    assert (done.exit_code, holdings(prod)) == (0, []), done.output


def test_one_version_goes_alone(prod: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    arn = prod.client("sagemaker").create_model_package(ModelPackageGroupName=GROUP)["ModelPackageArn"]
    named = ("destroy", "--env", "prod", "--yes", "--delete-retained", arn)
    done = mlops(prod, monkeypatch, *named, typed="prod\n")
    assert (done.exit_code, versions(prod)) == (0, [1]), done.output


def test_a_name_that_is_not_retained_deletes_nothing(prod: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    done = mlops(prod, monkeypatch, "destroy", "--env", "prod", "--yes", "--delete-retained", "mlops-prod-house")
    assert done.exit_code == 1
    assert "--delete-retained mlops-prod-house: nothing of this name is retained. Retained are: " in done.output
    assert GROUP in done.output
    assert versions(prod) == [1]


def test_nothing_goes_while_a_stack_is_protected(prod: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    leave_a_change_set(prod)
    prod.client("cloudformation").update_termination_protection(StackName=STACK, EnableTerminationProtection=True)
    done = mlops(prod, monkeypatch, "destroy", "--env", "prod", "--yes")
    assert done.exit_code == 1
    assert f"Stacks of prod are protected against deletion: {STACK}." in done.output
    assert "--no-enable-termination-protection --stack-name $stack; done" in done.output


def test_the_configuration_says_what_is_protected() -> None:
    assert protection.is_protected("prod")
    with pytest.raises(CliError, match=r"has no environment gone, so nothing says .* It has dev, prod\."):
        protection.is_protected("gone")


def test_what_is_retained_is_found_for_the_next_deployment(prod: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    holding = bucket(prod)
    monkeypatch.setattr(retained, "template_of", lambda _: TEMPLATE)
    done = mlops(prod, monkeypatch, "retained", "--env", "prod")
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == [
        f"RawBucket (AWS::S3::Bucket): {holding}",
        f"HousesVersions (AWS::SageMaker::ModelPackageGroup): {GROUP}",
        "The next deployment would fail on these names, or make new and empty ones. Take them up first:",
        "  ./dev cdk import prod/Data --resource-mapping .local/retained/prod.json",
        "  ./dev cdk deploy 'prod/*'",
    ]
    group = f"arn:aws:sagemaker:us-east-1:000000000000:model-package-group/{GROUP}"
    assert json.loads((LOCAL_DIR / "retained" / "prod.json").read_text()) == {
        "RawBucket": {"BucketName": holding},
        "HousesVersions": {"ModelPackageGroupArn": group},
    }


def test_of_a_failed_deployment_the_stack_goes_first(prod: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retained, "template_of", lambda _: TEMPLATE)
    fail_to_redeploy(prod)
    prod.client("cloudformation").update_termination_protection(StackName=STACK, EnableTerminationProtection=True)
    named = [item["Name"] for item in prod.client("s3").list_buckets()["Buckets"] if item["Name"].startswith(STACK)]
    # Two buckets were made for one place: nobody but a person knows which one counts.
    done = mlops(prod, monkeypatch, "retained", "--env", "prod")
    assert (done.exit_code, len(named)) == (1, 2)
    assert "Several things could be RawBucket (AWS::S3::Bucket): " in done.output
    done = mlops(prod, monkeypatch, "retained", "--env", "prod", "--use", named[0], "--json")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert named[0] in [item["identifier"] for item in document["retained"]]
    off = "update-termination-protection --no-enable-termination-protection"
    assert document["steps"] == [
        f"aws cloudformation {off} --stack-name {STACK}",
        f"aws cloudformation delete-stack --stack-name {STACK}",
        f"aws cloudformation wait stack-delete-complete --stack-name {STACK}",
        "./dev cdk import prod/Data --resource-mapping .local/retained/prod.json",
        "./dev cdk deploy 'prod/*'",
    ]


def test_what_a_stack_has_waits_for_nothing(prod: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    other = {"Resources": {"Other": {**TEMPLATE["Resources"]["RawBucket"]}}}
    monkeypatch.setattr(retained, "template_of", lambda _: other)
    done = mlops(prod, monkeypatch, "retained", "--env", "prod")
    assert done.stdout == "Nothing of prod waits to be taken up: deploy as usual.\n"


def test_doctor_says_so_before_a_deployment_fails_on_them(prod: Target) -> None:
    holding = bucket(prod)
    (finding,) = retained.retained_data(prod, NOTHING)
    assert finding.state == "bad"
    assert finding.told == f"An earlier deployment of prod left what is in no stack: {holding}, {GROUP}"
    assert finding.advice == "Take them up before you deploy: mlops retained --env prod"


def test_a_catalog_of_an_older_deployment_is_in_the_way(prod: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    prod.client("glue").create_database(DatabaseInput={"Name": "mlops_prod"})
    monkeypatch.setattr(retained, "template_of", lambda _: TEMPLATE)
    done = mlops(prod, monkeypatch, "retained", "--env", "prod", "--json")
    assert json.loads(done.stdout)["steps"][0] == "aws glue delete-database --name mlops_prod"
