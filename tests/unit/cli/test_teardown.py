"""What `mlops destroy` ends before it removes anything that it needs, and what it says of what does not go."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from cli import teardown
from cli.deletion import StackError, delete_stack, wait
from cli.errors import CliError
from cli.estate import Thing, survey
from cli.running import end_batches, of_model, running
from cli.target import Target

NOW = datetime(2026, 1, 2, tzinfo=UTC)
GONE = "DELETE_COMPLETE"


def summary(name: str) -> dict[str, Any]:
    arn = f"arn:aws:sagemaker:eu-west-1:111122223333:transform-job/{name}"
    return {
        "TransformJobName": name,
        "TransformJobArn": arn,
        "CreationTime": NOW,
        "TransformJobStatus": "InProgress",
    }


@pytest.fixture
def target() -> Target:
    session = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="eu-west-1")
    return Target(stage="dev", session=session, endpoint="http://127.0.0.1:9")


def test_a_batch_is_stopped_and_waited_for(target: Target) -> None:
    described = {
        **summary("mlops-dev-a-1"),
        "TransformJobStatus": "Stopped",
        "ModelName": "m",
        "TransformInput": {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://a"}}},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    }
    with Stubber(target.client("sagemaker")) as sagemaker:
        sagemaker.add_response("stop_transform_job", {}, {"TransformJobName": "mlops-dev-a-1"})
        sagemaker.add_response("describe_transform_job", described, {"TransformJobName": "mlops-dev-a-1"})
        end_batches(target, ["mlops-dev-a-1"])
        sagemaker.assert_no_pending_responses()


@pytest.fixture
def others(target: Target) -> Iterator[Stubber]:
    """SageMaker of an account in which others have names like ours."""
    batches = {"TransformJobSummaries": [summary("mlops-dev-a-1"), summary("my-mlops-dev-job")]}
    endpoints = [named("Endpoint", name) for name in ("mlops-dev-a", "mlops-dev-a-b", "mlops-dev-a-2", "a-mlops-dev-a")]
    names = ("mlops-dev-a-1-0a1b", "mlops-dev-a-b-1-0a1b", "mlops-dev-a-2-1-0a1b", "mlops-dev-a-b3-0a1b")
    with Stubber(target.client("sagemaker")) as sagemaker, Stubber(target.client("application-autoscaling")) as scaling:
        asked = {"NameContains": "mlops-dev-"}
        sagemaker.add_response("list_transform_jobs", batches, {**asked, "StatusEquals": "InProgress"})
        scaling.add_response("describe_scalable_targets", {"ScalableTargets": []})
        sagemaker.add_response("list_endpoints", {"Endpoints": endpoints}, asked)
        sagemaker.add_response(
            "list_endpoint_configs", {"EndpointConfigs": [named("EndpointConfig", n) for n in names]}, asked
        )
        sagemaker.add_response("list_models", {"Models": [named("Model", n) for n in names]}, asked)
        yield sagemaker


def named(kind: str, name: str) -> dict[str, Any]:
    found = {
        f"{kind}Name": name,
        f"{kind}Arn": f"arn:aws:sagemaker:eu-west-1:111122223333:x/{name}",
        "CreationTime": NOW,
    }
    return found | ({"LastModifiedTime": NOW, "EndpointStatus": "InService"} if kind == "Endpoint" else {})


def test_what_others_run_is_not_ours(target: Target, others: Stubber) -> None:
    found = running(target)
    assert (found.batches, found.endpoints) == (("mlops-dev-a-1",), ("mlops-dev-a", "mlops-dev-a-b", "mlops-dev-a-2"))


def test_a_model_has_no_part_in_another_of_a_longer_name(target: Target, others: Stubber) -> None:
    found = running(target, of_model(target, "a"))
    assert (found.endpoints, found.models) == (("mlops-dev-a",), ("mlops-dev-a-1-0a1b", "mlops-dev-a-b3-0a1b"))


STACK = "mlops-dev-data"
STACK_ID = f"arn:aws:cloudformation:eu-west-1:111122223333:stack/{STACK}/1"


def event(logical_id: str, status: str, kind: str = "AWS::S3::Bucket", **more: str) -> dict[str, Any]:
    named = {"StackId": STACK_ID, "EventId": "e", "StackName": STACK, "Timestamp": NOW, "LogicalResourceId": logical_id}
    return {**named, "ResourceType": kind, "ResourceStatus": status, "PhysicalResourceId": logical_id.lower(), **more}


def of_stack(status: str) -> dict[str, Any]:
    return event(STACK, status, "AWS::CloudFormation::Stack", PhysicalResourceId=STACK_ID)


# Newest first, as CloudFormation gives them: of the attempt that failed, and of one before it.
EVENTS = [
    of_stack("DELETE_FAILED"),
    event("Logs", "DELETE_FAILED", ResourceStatusReason="The bucket you tried to delete is not empty"),
    event("Versions", "DELETE_FAILED", "AWS::SageMaker::ModelPackageGroup"),
    event("Raw", "DELETE_COMPLETE"),
    of_stack("DELETE_IN_PROGRESS"),
    event("Raw", "DELETE_FAILED", ResourceStatusReason="of another attempt"),
]


def expect_deletion(cloudformation: Stubber, status: str) -> None:
    cloudformation.add_response("delete_stack", {}, {"StackName": STACK})
    stack = {"StackName": STACK, "CreationTime": NOW, "StackStatus": status}
    cloudformation.add_response("describe_stacks", {"Stacks": [stack]}, {"StackName": STACK})


def test_a_stack_that_does_not_go_is_told_with_what_keeps_it(target: Target) -> None:
    with Stubber(target.client("cloudformation")) as cloudformation:
        expect_deletion(cloudformation, "DELETE_FAILED")
        cloudformation.add_response("describe_stack_events", {"StackEvents": EVENTS}, {"StackName": STACK})
        with pytest.raises(StackError) as raised:
            delete_stack(target, STACK)
    assert raised.value.message == (
        "Stack mlops-dev-data was not deleted: Logs (AWS::S3::Bucket): The bucket you tried to delete is not empty; "
        "Versions (AWS::SageMaker::ModelPackageGroup): CloudFormation gives no reason"
    )
    assert "run it again" in raised.value.hint


def test_a_bucket_that_got_a_log_since_it_was_emptied_is_emptied_once_more(target: Target) -> None:
    version = {"Key": "RawBucket/1", "VersionId": "null"}
    with Stubber(target.client("cloudformation")) as cloudformation, Stubber(target.client("s3")) as s3:
        expect_deletion(cloudformation, "DELETE_FAILED")
        cloudformation.add_response("describe_stack_events", {"StackEvents": EVENTS}, {"StackName": STACK})
        s3.add_response("list_object_versions", {"Versions": [version]}, {"Bucket": "logs"})
        s3.add_response("delete_objects", {}, {"Bucket": "logs", "Delete": {"Objects": [version], "Quiet": True}})
        expect_deletion(cloudformation, "DELETE_COMPLETE")
        teardown._delete_data(target, STACK)
        s3.assert_no_pending_responses()
        cloudformation.assert_no_pending_responses()


def test_the_bucket_of_access_logs_is_emptied_last(target: Target) -> None:
    logged = {"Type": "AWS::S3::Bucket", "Properties": {"LoggingConfiguration": {}}}
    kept = {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain"}
    template = {"Resources": {"A": {"Type": "AWS::S3::Bucket"}, "B": logged, "C": kept, "D": logged}}
    # E is in the stack, and its template says nothing of it.
    states = {"A": "CREATE_COMPLETE", "B": "DELETE_FAILED", "C": "CREATE_COMPLETE", "D": GONE, "E": "CREATE_COMPLETE"}
    resources = [
        {
            "LogicalResourceId": name,
            "PhysicalResourceId": name.lower(),
            "ResourceType": "AWS::S3::Bucket",
            "ResourceStatus": status,
            "LastUpdatedTimestamp": NOW,
        }
        for name, status in states.items()
    ]
    found = {}
    for protected in (False, True):
        with Stubber(target.client("cloudformation")) as cloudformation, nothing_else(target):
            cloudformation.add_response("get_template", {"TemplateBody": json.dumps(template)})
            cloudformation.add_response("list_stack_resources", {"StackResourceSummaries": resources})
            found[protected] = survey(target, [STACK], protected=protected)
    assert {protected: estate.buckets for protected, estate in found.items()} == {False: ("b", "a"), True: ()}
    assert {estate.kept for estate in found.values()} == {(Thing("retained AWS::S3::Bucket", "c", kept=True),)}


@contextmanager
def nothing_else(target: Target) -> Iterator[None]:
    """An account without any bucket, version or catalog of the environment."""
    s3, sagemaker, glue = (Stubber(target.client(service)) for service in ("s3", "sagemaker", "glue"))
    s3.add_response("list_buckets", {"Buckets": []})
    sagemaker.add_response("list_model_package_groups", {"ModelPackageGroupSummaryList": []})
    glue.add_client_error("get_database", "EntityNotFoundException")
    with s3, sagemaker, glue:
        yield


def test_an_endpoint_that_does_not_go_is_told_with_its_reason(target: Target) -> None:
    described = {
        "EndpointName": "e",
        "EndpointArn": "arn:aws:sagemaker:eu-west-1:111122223333:endpoint/e",
        "EndpointStatus": "Failed",
        "FailureReason": "an instance hangs",
        "CreationTime": NOW,
        "LastModifiedTime": NOW,
    }
    with Stubber(target.client("sagemaker")) as sagemaker:
        sagemaker.add_response("describe_endpoint", described, {"EndpointName": "e"})
        with pytest.raises(CliError, match="Waiting for endpoint e to go failed: an instance hangs"):
            wait(target, "sagemaker", "endpoint_deleted", "endpoint e to go", EndpointName="e")
