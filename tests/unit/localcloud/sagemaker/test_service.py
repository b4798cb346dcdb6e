"""The service as a whole: unknown operations, bad requests, the registry, CloudFormation."""

import json
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from localcloud.sagemaker import shapes
from localcloud.sagemaker.service import OPERATIONS
from tests.unit.localcloud.sagemaker.support import PIPELINE_POLICY, document, settled, step, until

GROUP = "registry"


def test_every_operation_is_one_that_sagemaker_has() -> None:
    assert [name for name in OPERATIONS if shapes.operation(name).name != name] == []


def test_an_unknown_operation_is_refused_by_name(sagemaker: Any) -> None:
    with pytest.raises(
        ClientError, match=r"UnknownOperationException.*ListExperiments is not implemented by the local"
    ):
        sagemaker.list_experiments()


def test_a_bad_request_names_its_field(cloud: Any) -> None:
    unchecked = cloud.session().client(
        "sagemaker", endpoint_url=cloud.endpoint, config=Config(parameter_validation=False)
    )
    with pytest.raises(ClientError, match=r'ValidationException.*Missing required parameter in input: "ModelName"'):
        unchecked.create_model(ExecutionRoleArn="arn:aws:iam::000000000000:role/job")
    with pytest.raises(ClientError, match=r"ValidationException.*at 'ModelName' failed to satisfy constraint"):
        unchecked.describe_model(ModelName="no spaces")


@pytest.fixture(scope="module")
def packages(sagemaker: Any) -> list[str]:
    sagemaker.create_model_package_group(ModelPackageGroupName=GROUP, Tags=[{"Key": "team", "Value": "a"}])
    statuses = ("Approved", "Rejected", "Approved")
    return [
        sagemaker.create_model_package(
            ModelPackageGroupName=GROUP,
            ModelApprovalStatus=status,
            CustomerMetadataProperties={"run_id": str(number), "old": "x"},
        )["ModelPackageArn"]
        for number, status in enumerate(statuses, 1)
    ]


def test_versions_are_counted_and_filtered_page_by_page(sagemaker: Any, packages: list[str]) -> None:
    """A page is taken first: the second one held only the rejected version."""
    assert [arn.rpartition("/")[2] for arn in packages] == ["1", "2", "3"]
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=GROUP,
        ModelApprovalStatus="Approved",
        SortOrder="Descending",
        PaginationConfig={"PageSize": 1},
    )
    found = [[item["ModelPackageVersion"] for item in page["ModelPackageSummaryList"]] for page in pages]
    assert found == [[3], [], [1]]


def test_an_update_tells_what_it_changed(sagemaker: Any, bus: Any, packages: list[str]) -> None:
    sagemaker.update_model_package(
        ModelPackageArn=packages[1],
        ModelApprovalStatus="Approved",
        CustomerMetadataProperties={"endpoint": "e"},
        CustomerMetadataPropertiesToRemove=["old"],
    )
    package = sagemaker.describe_model_package(ModelPackageName=packages[1])
    assert package["CustomerMetadataProperties"] == {"run_id": "2", "endpoint": "e"}
    events = bus.details(
        "SageMaker Model Package State Change", wanted=1, ModelPackageArn=packages[1], ModelApprovalStatus="Approved"
    )
    assert events[0]["UpdatedModelPackageFields"] == ["ModelApprovalStatus", "CustomerMetadataProperties"]


def test_a_group_with_packages_is_not_deleted(sagemaker: Any, packages: list[str]) -> None:
    with pytest.raises(ClientError, match="ConflictException"):
        sagemaker.delete_model_package_group(ModelPackageGroupName=GROUP)
    for arn in packages:
        sagemaker.delete_model_package(ModelPackageName=arn)
    sagemaker.delete_model_package_group(ModelPackageGroupName=GROUP)
    with pytest.raises(ClientError, match=f"ModelPackageGroup .*{GROUP} does not exist"):
        sagemaker.describe_model_package_group(ModelPackageGroupName=GROUP)


def template(definition: dict[str, Any]) -> str:
    role = {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
                ],
            },
            "Policies": [
                {"PolicyName": "p", "PolicyDocument": {"Version": "2012-10-17", "Statement": PIPELINE_POLICY[:1]}}
            ],
        },
    }
    pipeline = {
        "PipelineName": "by-stack",
        "PipelineDefinition": {"PipelineDefinitionBody": json.dumps(definition)},
        "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
    }
    group = {"ModelPackageGroupName": "by-stack", "ModelPackageGroupDescription": "of a stack"}
    outputs = {
        "Pipeline": {"Value": {"Ref": "Pipeline"}},
        "Group": {"Value": {"Ref": "Group"}},
        "Status": {"Value": {"Fn::GetAtt": ["Group", "ModelPackageGroupStatus"]}},
    }
    return json.dumps(
        {
            "Resources": {
                "Role": role,
                "Pipeline": {"Type": "AWS::SageMaker::Pipeline", "Properties": pipeline},
                "Group": {"Type": "AWS::SageMaker::ModelPackageGroup", "Properties": group},
            },
            "Outputs": outputs,
        }
    )


def stack(client: Any, name: str) -> dict[str, Any]:
    def ended() -> dict[str, Any] | None:
        found: dict[str, Any] = client.describe_stacks(StackName=name)["Stacks"][0]
        return None if found["StackStatus"].endswith("IN_PROGRESS") else found

    return until(ended)


def test_a_stack_creates_updates_and_deletes_pipeline_and_group(cloud: Any, sagemaker: Any) -> None:
    cloudformation = cloud.client("cloudformation")
    stop = document([step("Stop", "Fail", {"ErrorMessage": "one"})])
    cloudformation.create_stack(StackName="ml", TemplateBody=template(stop), Capabilities=["CAPABILITY_IAM"])
    created = stack(cloudformation, "ml")
    assert created["StackStatus"] == "CREATE_COMPLETE", created
    outputs = {item["OutputKey"]: item["OutputValue"] for item in created["Outputs"]}
    assert outputs == {
        "Pipeline": "by-stack",
        "Group": "arn:aws:sagemaker:us-east-1:000000000000:model-package-group/by-stack",
        "Status": "Completed",
    }
    stop["Steps"][0]["Arguments"]["ErrorMessage"] = "two"
    cloudformation.update_stack(StackName="ml", TemplateBody=template(stop), Capabilities=["CAPABILITY_IAM"])
    assert stack(cloudformation, "ml")["StackStatus"] == "UPDATE_COMPLETE"
    assert '"two"' in sagemaker.describe_pipeline(PipelineName="by-stack")["PipelineDefinition"]
    cloudformation.delete_stack(StackName="ml")
    until(lambda: "by-stack" not in [item["PipelineName"] for item in sagemaker.list_pipelines()["PipelineSummaries"]])
    groups = sagemaker.list_model_package_groups(NameContains="by-stack")["ModelPackageGroupSummaryList"]
    assert groups == []


def test_a_stack_with_a_wrong_definition_fails_with_the_reason(cloud: Any) -> None:
    cloudformation = cloud.client("cloudformation")
    wrong = document([step("Call", "Lambda", {})])
    cloudformation.create_stack(StackName="wrong", TemplateBody=template(wrong), Capabilities=["CAPABILITY_IAM"])
    assert stack(cloudformation, "wrong")["StackStatus"] == "ROLLBACK_COMPLETE"
    events = cloudformation.describe_stack_events(StackName="wrong")["StackEvents"]
    reasons = [event.get("ResourceStatusReason", "") for event in events if event["ResourceStatus"] == "CREATE_FAILED"]
    assert any("step Call: FunctionArn is missing" in reason for reason in reasons)


def test_what_is_deleted_leaves_nothing(sagemaker: Any, config: Any) -> None:
    tags = [{"Key": "owner", "Value": "test"}]
    group = sagemaker.create_model_package_group(ModelPackageGroupName="leaving", Tags=tags)["ModelPackageGroupArn"]
    package = sagemaker.create_model_package(ModelPackageGroupName="leaving")["ModelPackageArn"]
    name = config("leaving")
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name, Tags=tags)
    settled(sagemaker, name)
    sagemaker.delete_endpoint(EndpointName=name)
    until(lambda: sagemaker.list_endpoints(NameContains=name)["Endpoints"] == [])
    sagemaker.delete_endpoint_config(EndpointConfigName=name)
    sagemaker.delete_model(ModelName=name)
    sagemaker.delete_model_package(ModelPackageName=package)
    assert sagemaker.list_model_packages(ModelPackageGroupName="leaving")["ModelPackageSummaryList"] == []
    sagemaker.delete_model_package_group(ModelPackageGroupName="leaving")
    assert sagemaker.list_endpoint_configs(NameContains=name)["EndpointConfigs"] == []
    assert sagemaker.list_models(NameContains=name)["Models"] == []
    assert sagemaker.list_tags(ResourceArn=group)["Tags"] == []
    again = sagemaker.create_model_package_group(ModelPackageGroupName="leaving")
    assert again["ModelPackageGroupArn"] == group
    assert sagemaker.create_model_package(ModelPackageGroupName="leaving")["ModelPackageArn"].endswith("/leaving/1")
