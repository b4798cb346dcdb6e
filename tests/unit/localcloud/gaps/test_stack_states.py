"""Stacks that failed, that wait for a change set, and that went, as CloudFormation tells and keeps them."""

import json

import pytest

from tests.unit.localcloud.gaps.support import FINAL, until

KEPT = {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain"}
GONE = {"Type": "AWS::SNS::Topic", "Properties": {}}
# Its group exists already when the second one is made.
GROUP = {"Type": "AWS::SageMaker::ModelPackageGroup", "DependsOn": ["Kept", "Gone"]}


def template(**resources: object) -> str:
    return json.dumps({"Resources": resources})


def settled(cfn, name: str) -> dict:
    """The stack in its final state."""
    return until(lambda: next((one for one in cfn.describe_stacks(StackName=name)["Stacks"] if final(one)), None))


def final(stack: dict) -> bool:
    return stack["StackStatus"] in FINAL


def listed(cfn, name: str) -> dict[str, str]:
    found = cfn.list_stack_resources(StackName=name)["StackResourceSummaries"]
    assert {one["LogicalResourceId"] for one in found} == {
        one["LogicalResourceId"] for one in cfn.describe_stack_resources(StackName=name)["StackResources"]
    }
    return {one["LogicalResourceId"]: one["ResourceStatus"] for one in found}


@pytest.fixture
def rolled_back(cloud):
    """A stack whose creation failed at its last resource."""
    cfn, name = cloud.client("cloudformation"), "rolled-back"
    if not cloud.client("sagemaker").list_model_package_groups(NameContains="taken")["ModelPackageGroupSummaryList"]:
        cloud.client("sagemaker").create_model_package_group(ModelPackageGroupName="taken")
    group = {**GROUP, "Properties": {"ModelPackageGroupName": "taken"}}
    body = template(Kept=KEPT, Gone=GONE, Group=group)
    cfn.create_stack(StackName=name, TemplateBody=body, EnableTerminationProtection=True)
    assert settled(cfn, name)["StackStatus"] == "ROLLBACK_COMPLETE"
    yield name, body
    cfn.update_termination_protection(StackName=name, EnableTerminationProtection=False)
    cfn.delete_stack(StackName=name)
    cfn.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})


def test_a_rolled_back_stack_lists_what_went_and_what_stayed(cloud, rolled_back):
    cfn, (name, _) = cloud.client("cloudformation"), rolled_back
    assert listed(cfn, name) == {"Kept": "DELETE_SKIPPED", "Gone": "DELETE_COMPLETE", "Group": "CREATE_FAILED"}
    bucket = cfn.describe_stack_resource(StackName=name, LogicalResourceId="Kept")["StackResourceDetail"]
    tags = cloud.client("s3").get_bucket_tagging(Bucket=bucket["PhysicalResourceId"])["TagSet"]
    found = {tag["Key"].rpartition(":")[2]: tag["Value"] for tag in tags}
    assert (found["stack-name"], found["logical-id"]) == (name, "Kept")


def test_a_rolled_back_stack_has_to_be_deleted_first_and_keeps_its_protection(cloud, rolled_back):
    cfn, (name, body) = cloud.client("cloudformation"), rolled_back
    with pytest.raises(cfn.exceptions.AlreadyExistsException):
        cfn.create_stack(StackName=name, TemplateBody=body)
    change = {"StackName": name, "ChangeSetName": "again", "TemplateBody": body}
    with pytest.raises(cfn.exceptions.ClientError, match="cannot be created again"):
        cfn.create_change_set(**change, ChangeSetType="CREATE")
    with pytest.raises(cfn.exceptions.ClientError, match="TerminationProtection is enabled"):
        cfn.delete_stack(StackName=name)
    assert settled(cfn, name)["StackStatus"] == "ROLLBACK_COMPLETE"


def test_a_second_change_set_for_a_new_stack_leaves_it_protected(cloud):
    cfn, name = cloud.client("cloudformation"), "in-review"
    change = {"StackName": name, "ChangeSetType": "CREATE", "TemplateBody": template(Gone=GONE)}
    cfn.create_change_set(**change, ChangeSetName="one")
    cfn.update_termination_protection(StackName=name, EnableTerminationProtection=True)
    cfn.create_change_set(**change, ChangeSetName="two")
    (stack,) = cfn.describe_stacks(StackName=name)["Stacks"]
    assert (stack["StackStatus"], stack["EnableTerminationProtection"]) == ("REVIEW_IN_PROGRESS", True)
    assert listed(cfn, name) == {}


def test_a_deleted_stack_answers_to_its_id_alone(cloud):
    cfn, name = cloud.client("cloudformation"), "gone"
    identity = cfn.create_stack(StackName=name, TemplateBody=template(Kept=KEPT, Gone=GONE))["StackId"]
    assert settled(cfn, name)["StackStatus"] == "CREATE_COMPLETE"
    cfn.delete_stack(StackName=name)
    cfn.get_waiter("stack_delete_complete").wait(StackName=identity, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    assert listed(cfn, identity) == {"Kept": "DELETE_SKIPPED", "Gone": "DELETE_COMPLETE"}
    for ask in (cfn.list_stack_resources, cfn.describe_stack_resources, cfn.get_template):
        with pytest.raises(cfn.exceptions.ClientError, match="does not exist"):
            ask(StackName=name)


@pytest.fixture
def registry(cloud):
    """A group that no stack has, with a version; its ARN."""
    sagemaker = cloud.client("sagemaker")
    arn = sagemaker.create_model_package_group(ModelPackageGroupName="orphan")["ModelPackageGroupArn"]
    package = sagemaker.create_model_package(ModelPackageGroupName="orphan")["ModelPackageArn"]
    yield arn
    sagemaker.delete_model_package(ModelPackageName=package)
    sagemaker.delete_model_package_group(ModelPackageGroupName="orphan")


ORPHAN = {
    "Type": "AWS::SageMaker::ModelPackageGroup",
    "DeletionPolicy": "RetainExceptOnCreate",
    "Properties": {"ModelPackageGroupName": "orphan"},
}


def change_set(cfn, name: str, kind: str, **more: object) -> dict:
    """Made for the orphan's template, and described."""
    made = {"StackName": name, "ChangeSetName": "change", "ChangeSetType": kind, "TemplateBody": template(Group=ORPHAN)}
    cfn.create_change_set(**made, **more)
    return cfn.describe_change_set(StackName=name, ChangeSetName="change")


def importing(arn: str) -> list[dict]:
    named = {"LogicalResourceId": "Group", "ResourceType": ORPHAN["Type"]}
    return [{**named, "ResourceIdentifier": {"ModelPackageGroupArn": arn}}]


def test_a_group_is_imported_by_its_arn_and_keeps_its_versions(cloud, registry):
    cfn = cloud.client("cloudformation")
    made = change_set(cfn, "imports", "IMPORT", ResourcesToImport=importing(registry))
    assert [one["ResourceChange"]["Action"] for one in made["Changes"]] == ["Import"]
    cfn.execute_change_set(StackName="imports", ChangeSetName="change")
    until(lambda: cfn.describe_stacks(StackName="imports")["Stacks"][0]["StackStatus"] == "IMPORT_COMPLETE")
    assert listed(cfn, "imports") == {"Group": "UPDATE_COMPLETE"}
    cfn.delete_stack(StackName="imports")
    cfn.get_waiter("stack_delete_complete").wait(StackName="imports", WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    packages = cloud.client("sagemaker").list_model_packages(ModelPackageGroupName="orphan")
    assert len(packages["ModelPackageSummaryList"]) == 1


def test_a_group_that_is_not_there_is_not_imported(cloud, registry):
    cfn, other = cloud.client("cloudformation"), registry.replace("orphan", "other")
    made = change_set(cfn, "missing", "IMPORT", ResourcesToImport=importing(other))
    assert (made["Status"], made["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert "was not found" in made["StatusReason"]


def test_no_template_names_an_arn_so_no_group_is_imported_by_itself(cloud, registry):
    cfn = cloud.client("cloudformation")
    made = change_set(cfn, "by-itself", "CREATE", ImportExistingResources=True)
    assert [one["ResourceChange"]["Action"] for one in made["Changes"]] == ["Add"]
    cfn.execute_change_set(StackName="by-itself", ChangeSetName="change")
    assert settled(cfn, "by-itself")["StackStatus"] == "ROLLBACK_COMPLETE"
