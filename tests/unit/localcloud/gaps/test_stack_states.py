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
    assert cloud.client("s3").head_bucket(Bucket=bucket["PhysicalResourceId"])


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
