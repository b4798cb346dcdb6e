"""verify_deployment behind the multi-model endpoint: golden rows first, then requests."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError
from botocore.stub import ANY

from tests.unit.lambdas.loading import load_function
from tests.unit.lambdas.shared_endpoint import (
    BUCKET,
    GROUP,
    MODEL,
    NOW,
    SHARED,
    TARGET,
    body,
    expect_endpoint,
    expect_live,
    expect_newest,
    expect_record,
    package_arn,
    shared,
    stubbed,
)

VERIFY = {
    "RESOURCE_PREFIX": "mlops-prod-",
    "STAGE": "prod",
    "ALERTS_TOPIC_ARN": "arn:aws:sns:eu-west-1:111122223333:alerts",
    "SHARED_BUCKET": BUCKET,
}


@pytest.fixture
def verify() -> SimpleNamespace:
    function = load_function("verify_deployment", VERIFY)
    function.handler.SHARING[GROUP] = shared(function.handler.CONTRACTS[GROUP])
    return function


GOLDEN = {"version": 1, "instances": [{"a": 1}], "predictions": [100.0], "tolerance": 1e-6}
ASKED = {"detail": {"EndpointName": SHARED, "ModelPackageGroupName": GROUP}}
CHANGED = {"detail": {"EndpointName": SHARED}}


def expect_golden_rows(aws: SimpleNamespace, answer: float) -> None:
    key = f"{MODEL}/evaluation/golden.json"
    aws.s3.add_response("get_object", {"Body": body(GOLDEN)}, {"Bucket": BUCKET, "Key": key})
    request = {
        "EndpointName": SHARED,
        "TargetModel": TARGET,
        "ContentType": "application/json",
        "Accept": "application/json",
        "Body": json.dumps({"instances": GOLDEN["instances"]}).encode(),
    }
    aws.runtime.add_response("invoke_endpoint", {"Body": body({"predictions": [{"value": answer}]})}, request)


def switched() -> bytes:
    return json.dumps({"package": package_arn(7), "version": 7, "target": TARGET}).encode()


@pytest.mark.parametrize(
    ("before", "condition"), [(None, {"IfNoneMatch": "*"}), (6, {"IfMatch": '"e1"'})], ids=["first", "next"]
)
def test_golden_rows_that_agree_switch_the_requests(
    verify: SimpleNamespace, before: int | None, condition: dict[str, str]
) -> None:
    with stubbed(verify) as aws:
        expect_endpoint(aws.sagemaker, "config")
        expect_live(aws.s3, before)
        expect_newest(aws.sagemaker, 7, state="requested")
        expect_golden_rows(aws, 100.0)
        request = {"Bucket": BUCKET, "Key": f"multi-model/live/{MODEL}.json", "Body": switched(), **condition}
        aws.s3.add_response("put_object", {}, request)
        expect_record(aws.sagemaker, "deployed")
        assert verify.handler.handler(ASKED, None) == {"state": "deployed"}


def test_a_version_that_predicts_otherwise_never_takes_a_request(verify: SimpleNamespace) -> None:
    with stubbed(verify) as aws:
        expect_endpoint(aws.sagemaker, "config")
        expect_live(aws.s3, 6)
        expect_newest(aws.sagemaker, 7, state="requested")
        expect_golden_rows(aws, 99.0)
        aws.cloudwatch.add_response("put_metric_data", {})
        aws.sns.add_response("publish", {})
        expect_record(aws.sagemaker, "failed", ModelApprovalStatus="Rejected", ApprovalDescription=ANY)
        assert verify.handler.handler(ASKED, None) == {"state": "failed"}


@pytest.mark.parametrize(
    ("message", "state"),
    [("Failed to extract model data archive", "failed"), ("Failed to download model data", "blocked")],
)
def test_an_artifact_that_cannot_be_loaded_is_a_failure_and_one_that_cannot_be_read_is_not(
    verify: SimpleNamespace, message: str, state: str
) -> None:
    with stubbed(verify) as aws:
        expect_endpoint(aws.sagemaker, "config")
        expect_live(aws.s3, 6)
        expect_newest(aws.sagemaker, 7, state="requested")
        aws.s3.add_response("get_object", {"Body": body(GOLDEN)})
        aws.runtime.add_client_error("invoke_endpoint", "ValidationError", message)
        aws.cloudwatch.add_response("put_metric_data", {})
        aws.sns.add_response("publish", {})
        decided = {"ModelApprovalStatus": "Rejected", "ApprovalDescription": ANY} if state == "failed" else {}
        expect_record(aws.sagemaker, state, **decided)
        assert verify.handler.handler(ASKED, None) == {"state": state}


@pytest.mark.parametrize("code", ["ModelNotReadyException", "AccessDeniedException"])
def test_an_endpoint_that_cannot_answer_now_is_asked_again_later(verify: SimpleNamespace, code: str) -> None:
    with stubbed(verify) as aws:
        expect_endpoint(aws.sagemaker, "config")
        expect_live(aws.s3, 6)
        expect_newest(aws.sagemaker, 7, state="requested")
        aws.s3.add_response("get_object", {"Body": body(GOLDEN)})
        aws.runtime.add_client_error("invoke_endpoint", code, "not now", http_status_code=400)
        with pytest.raises(ClientError, match=code):
            verify.handler.handler(ASKED, None)


def test_of_two_switches_at_once_the_one_that_knew_less_is_tried_again(verify: SimpleNamespace) -> None:
    with stubbed(verify) as aws:
        expect_endpoint(aws.sagemaker, "config")
        expect_live(aws.s3, 6)
        expect_newest(aws.sagemaker, 7, state="requested")
        expect_golden_rows(aws, 100.0)
        aws.s3.add_client_error("put_object", "PreconditionFailed", http_status_code=412)
        with pytest.raises(ClientError, match="PreconditionFailed"):
            verify.handler.handler(ASKED, None)


@pytest.mark.parametrize("state", ["", "deployed", "blocked", "stopped"])
def test_a_version_that_nobody_copied_or_that_is_live_is_left_alone(verify: SimpleNamespace, state: str) -> None:
    with stubbed(verify) as aws:
        expect_endpoint(aws.sagemaker, "config")
        expect_live(aws.s3, 6)
        expect_newest(aws.sagemaker, 7, state=state)
        assert verify.handler.handler(ASKED, None) == {"state": None}


def test_a_failed_endpoint_is_no_fault_of_the_versions_that_wait_for_it(verify: SimpleNamespace) -> None:
    with stubbed(verify) as aws:
        expect_endpoint(aws.sagemaker, "config", "Failed", FailureReason="no capacity")
        expect_live(aws.s3, None)
        expect_newest(aws.sagemaker, 7, state="requested")
        aws.cloudwatch.add_response("put_metric_data", {})
        aws.sns.add_response("publish", {})
        expect_record(aws.sagemaker, "blocked")
        verify.handler.handler(CHANGED, None)


def test_an_update_of_the_endpoint_that_was_rolled_back_is_told(verify: SimpleNamespace) -> None:
    with stubbed(verify) as aws:
        expect_endpoint(aws.sagemaker, "config", FailureReason="One or more alarms went off")
        aws.autoscaling.add_response("describe_scalable_targets", {"ScalableTargets": []})
        dimensions = [{"Name": "Model", "Value": "multi_model"}, {"Name": "Stage", "Value": "prod"}]
        metric = {"MetricName": "DeploymentFailures", "Dimensions": dimensions, "Value": 1.0, "Unit": "Count"}
        aws.cloudwatch.add_response("put_metric_data", {}, {"Namespace": "mlops/prod", "MetricData": [metric]})
        subject = "The multi-model endpoint was rolled back"
        aws.sns.add_response("publish", {}, {"TopicArn": ANY, "Subject": subject, "Message": ANY})
        expect_live(aws.s3, 7)
        expect_newest(aws.sagemaker, 7, state="deployed")
        verify.handler.handler(CHANGED, None)


def test_a_model_that_has_its_own_endpoint_again_is_forgotten_by_the_shared_one(verify: SimpleNamespace) -> None:
    del verify.handler.SHARING[GROUP]
    endpoint = {
        "EndpointName": GROUP,
        "EndpointArn": f"arn:aws:sagemaker:eu-west-1:111122223333:endpoint/{GROUP}",
        "EndpointConfigName": "own",
        "EndpointStatus": "InService",
        "CreationTime": NOW,
        "LastModifiedTime": NOW,
    }
    arn = "arn:aws:sagemaker:eu-west-1:111122223333:model/own"
    config = {
        "EndpointConfigName": "own",
        "EndpointConfigArn": arn,
        "ProductionVariants": [{"VariantName": "AllTraffic", "ModelName": "own"}],
        "CreationTime": NOW,
    }
    container = {"ModelPackageName": package_arn(7)}
    with stubbed(verify) as aws:
        expect_newest(aws.sagemaker, 7, state="requested")
        aws.sagemaker.add_response("describe_endpoint", endpoint)
        aws.sagemaker.add_response("describe_endpoint_config", config)
        model = {"ModelName": "own", "ModelArn": arn, "PrimaryContainer": container, "CreationTime": NOW}
        aws.sagemaker.add_response("describe_model", model)
        aws.s3.add_client_error("get_object", "NoSuchKey")
        aws.s3.add_response("delete_object", {}, {"Bucket": BUCKET, "Key": f"multi-model/live/{MODEL}.json"})
        expect_record(aws.sagemaker, "deployed")
        assert verify.handler.handler({"detail": {"EndpointName": GROUP}}, None) == {"state": "deployed"}


def test_its_old_endpoint_says_nothing_of_a_model_that_shares_one(verify: SimpleNamespace) -> None:
    with stubbed(verify):
        assert verify.handler.handler({"detail": {"EndpointName": GROUP}}, None) == {"state": None}
