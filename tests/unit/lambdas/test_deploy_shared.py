"""deploy_model behind the multi-model endpoint: artifacts are copied, the endpoint changes with its code only."""

from __future__ import annotations

import json
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.stub import ANY, Stubber

from tests.unit.lambdas.code import DIGEST, expect_code
from tests.unit.lambdas.loading import load_function
from tests.unit.lambdas.shared_endpoint import (
    BUCKET,
    GROUP,
    MODEL,
    SHARED,
    TARGET,
    expect_decision,
    expect_endpoint,
    expect_live,
    expect_newest,
    expect_record,
    package_arn,
    shared,
    stubbed,
)

DEPLOY = {
    "RESOURCE_PREFIX": "mlops-prod-",
    "STAGE": "prod",
    "MODEL_ROLE_ARN": "arn:aws:iam::111122223333:role/model",
    "ARTIFACT_BUCKET": BUCKET,
    "SHARED_IMAGE": "image:3.2-0",
    "SHARED_CODE_URI": f"s3://assets/{DIGEST}.gz",
    "VERIFY_FUNCTION": "verify",
    "DEPLOYMENT_QUEUE_URL": "https://deployments",
    "LATE_SECONDS": "600",
}


@pytest.fixture
def deploy() -> SimpleNamespace:
    function = load_function("deploy_model", DEPLOY)
    function.handler.CONTRACTS[GROUP] = shared(function.handler.CONTRACTS[GROUP])
    return function


def expect_copy(s3: Stubber, **pinned: str) -> None:
    source = {"Bucket": BUCKET, "Key": f"{MODEL}/models/train-1/output/model.tar.gz", **pinned}
    request = {"Bucket": BUCKET, "Key": f"multi-model/models/{TARGET}", "CopySource": source}
    s3.add_response("copy_object", {}, request)


def expect_nothing_to_supersede(sagemaker: Stubber) -> None:
    sagemaker.add_response("list_model_packages", {"ModelPackageSummaryList": []})


def decided() -> dict[str, Any]:
    detail = {"ModelPackageGroupName": GROUP, "ModelApprovalStatus": "Approved", "ModelPackageVersion": 7}
    return {"Records": [{"messageId": "m", "body": json.dumps({"detail": detail, "time": "2026-01-02T00:00:00Z"})}]}


def config_of(function: SimpleNamespace) -> str:
    contract = function.handler.CONTRACTS[GROUP]
    return str(function.shared.shared_endpoint(contract, function.settings.SETTINGS.sharing).name)


def expect_verification(functions: Stubber) -> None:
    payload = {"detail": {"EndpointName": SHARED, "ModelPackageGroupName": GROUP}}
    request = {"FunctionName": "verify", "InvocationType": "Event", "Payload": json.dumps(payload).encode()}
    functions.add_response("invoke", {"StatusCode": 202}, request)


def test_the_first_approval_makes_the_endpoint(deploy: SimpleNamespace) -> None:
    name = config_of(deploy)
    environment = {
        "SAGEMAKER_PROGRAM": "inference.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": f"s3://assets/{DIGEST}.gz",
        "SAGEMAKER_REGION": "eu-west-1",
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",
    }
    container = {
        "Image": "image:3.2-0",
        "Mode": "MultiModel",
        "ModelDataUrl": f"s3://{BUCKET}/multi-model/models/",
        "Environment": environment,
    }
    tags = [{"Key": "hosting", "Value": "multi-model"}]
    with stubbed(deploy) as aws:
        expect_newest(aws.sagemaker, 7)
        expect_live(aws.s3, None)
        expect_copy(aws.s3)
        expect_record(aws.sagemaker, "requested")
        aws.sagemaker.add_client_error("describe_endpoint", "ValidationException", "Could not find endpoint.")
        expect_code(aws.s3, "gz")
        aws.sagemaker.add_client_error("describe_model", "ValidationException", "Could not find model.")
        model = {
            "ModelName": name,
            "PrimaryContainer": container,
            "ExecutionRoleArn": DEPLOY["MODEL_ROLE_ARN"],
            "Tags": tags,
        }
        aws.sagemaker.add_response("create_model", {"ModelArn": f"arn:aws:sagemaker:eu-west-1:1:model/{name}"}, model)
        aws.sagemaker.add_client_error("describe_endpoint_config", "ValidationException", "Could not find it.")
        answer = {"EndpointConfigArn": f"arn:aws:sagemaker:eu-west-1:1:endpoint-config/{name}"}
        aws.sagemaker.add_response("create_endpoint_config", answer)
        request = {"EndpointName": SHARED, "EndpointConfigName": name, "Tags": tags}
        aws.sagemaker.add_response(
            "create_endpoint", {"EndpointArn": "arn:aws:sagemaker:eu-west-1:1:endpoint/x"}, request
        )
        expect_nothing_to_supersede(aws.sagemaker)
        deploy.handler.handler(decided(), None)


def test_the_next_approval_changes_no_endpoint(deploy: SimpleNamespace) -> None:
    with stubbed(deploy) as aws:
        expect_newest(aws.sagemaker, 7)
        expect_live(aws.s3, 6)
        expect_copy(aws.s3)
        expect_record(aws.sagemaker, "requested")
        expect_endpoint(aws.sagemaker, config_of(deploy))
        expect_verification(aws.functions)
        expect_nothing_to_supersede(aws.sagemaker)
        deploy.handler.handler(decided(), None)


def test_the_event_of_the_request_itself_records_nothing(deploy: SimpleNamespace) -> None:
    """It would be the next event, and so on for as long as the verification takes."""
    with stubbed(deploy) as aws:
        expect_newest(aws.sagemaker, 7, state="requested")
        expect_live(aws.s3, 6)
        expect_copy(aws.s3)
        expect_endpoint(aws.sagemaker, config_of(deploy))
        expect_verification(aws.functions)
        expect_nothing_to_supersede(aws.sagemaker)
        deploy.handler.handler(decided(), None)


@pytest.mark.parametrize("status", ["Creating", "Updating"])
def test_an_endpoint_on_its_way_asks_for_the_verification_itself(deploy: SimpleNamespace, status: str) -> None:
    with stubbed(deploy) as aws:
        expect_newest(aws.sagemaker, 7)
        expect_live(aws.s3, None)
        expect_copy(aws.s3)
        expect_record(aws.sagemaker, "requested")
        expect_endpoint(aws.sagemaker, config_of(deploy), status)
        expect_nothing_to_supersede(aws.sagemaker)
        deploy.handler.handler(decided(), None)


def test_an_endpoint_that_changes_to_something_else_hands_the_event_back(deploy: SimpleNamespace) -> None:
    with stubbed(deploy) as aws:
        expect_newest(aws.sagemaker, 7)
        expect_live(aws.s3, None)
        expect_copy(aws.s3)
        expect_record(aws.sagemaker, "requested")
        expect_endpoint(aws.sagemaker, "old-code", "Updating")
        assert deploy.handler.handler(decided(), None) == {"batchItemFailures": [{"itemIdentifier": "m"}]}


def test_a_second_event_of_a_live_version_copies_nothing(deploy: SimpleNamespace) -> None:
    with stubbed(deploy) as aws:
        expect_newest(aws.sagemaker, 7, state="deployed")
        expect_live(aws.s3, 7)
        expect_endpoint(aws.sagemaker, config_of(deploy))
        expect_nothing_to_supersede(aws.sagemaker)
        deploy.handler.handler(decided(), None)


@dataclass(frozen=True, eq=False)
class Beginning:
    """Equal to each text that begins so."""

    text: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and other.startswith(self.text)

    def __hash__(self) -> int:
        return hash(self.text)


def expect_blocked(aws: SimpleNamespace, reason: object) -> None:
    """The approval of version 7 stays, and what keeps it from being live is recorded and counted."""
    expect_decision(aws.sagemaker, state="requested")
    metadata = {
        "deployment_state": "blocked",
        "deployment_reason": reason,
        "deployment_attempts": "1",
        "deployment_recorded_at": ANY,
    }
    request = {"ModelPackageArn": package_arn(7), "CustomerMetadataProperties": metadata}
    aws.sagemaker.add_response("update_model_package", {"ModelPackageArn": package_arn(7)}, request)
    aws.cloudwatch.add_response("put_metric_data", {}, {"Namespace": "mlops/prod", "MetricData": ANY})


def test_an_endpoint_is_not_made_of_code_that_was_exchanged(deploy: SimpleNamespace) -> None:
    """The version is not to blame: its approval stands, and it is tried again."""
    with stubbed(deploy) as aws:
        expect_newest(aws.sagemaker, 7)
        expect_live(aws.s3, None)
        expect_copy(aws.s3)
        expect_record(aws.sagemaker, "requested")
        aws.sagemaker.add_client_error("describe_endpoint", "ValidationException", "Could not find endpoint.")
        expect_code(aws.s3, "gz", name="exchanged.py")
        expect_blocked(aws, Beginning(f"The code s3://assets/{DIGEST}.gz was exchanged: by its files"))
        assert deploy.handler.handler(decided(), None) == {"batchItemFailures": []}


def test_the_bytes_that_were_registered_are_copied_whatever_stands_in_their_place(deploy: SimpleNamespace) -> None:
    with stubbed(deploy) as aws:
        expect_newest(aws.sagemaker, 7, artifact_sha256="d" * 64, artifact_version="v1")
        expect_live(aws.s3, 6)
        expect_copy(aws.s3, VersionId="v1")
        expect_record(aws.sagemaker, "requested")
        expect_endpoint(aws.sagemaker, config_of(deploy), "Updating")
        expect_nothing_to_supersede(aws.sagemaker)
        deploy.handler.handler(decided(), None)


@pytest.mark.parametrize("code", ["NoSuchKey", "NoSuchVersion"])
def test_a_version_whose_artifact_is_gone_is_rejected(deploy: SimpleNamespace, code: str) -> None:
    with stubbed(deploy) as aws:
        expect_newest(aws.sagemaker, 7)
        expect_live(aws.s3, 6)
        aws.s3.add_client_error("copy_object", code, "The specified key does not exist.")
        expect_decision(aws.sagemaker, state="superseded")
        request = {
            "ModelPackageArn": package_arn(7),
            "ModelApprovalStatus": "Rejected",
            "ApprovalDescription": ANY,
            "CustomerMetadataProperties": {
                "deployment_state": "failed",
                "deployment_reason": ANY,
                "deployment_recorded_at": ANY,
            },
        }
        aws.sagemaker.add_response("update_model_package", {"ModelPackageArn": package_arn(7)}, request)
        aws.cloudwatch.add_response("put_metric_data", {}, {"Namespace": "mlops/prod", "MetricData": ANY})
        deploy.handler.handler(decided(), None)


@pytest.mark.parametrize("message", ["Requested image image:3.2-0 not found.", "Could not find model data at s3://x."])
def test_what_the_environment_makes_of_the_shared_endpoint_is_no_fault_of_a_version(
    deploy: SimpleNamespace, message: str
) -> None:
    with stubbed(deploy) as aws:
        expect_newest(aws.sagemaker, 7)
        expect_live(aws.s3, None)
        expect_copy(aws.s3)
        expect_record(aws.sagemaker, "requested")
        aws.sagemaker.add_client_error("describe_endpoint", "ValidationException", "Could not find endpoint.")
        expect_code(aws.s3, "gz")
        aws.sagemaker.add_client_error("describe_model", "ValidationException", "Could not find model.")
        aws.sagemaker.add_client_error("create_model", "ValidationException", message)
        aws.sagemaker.add_client_error("describe_model", "ValidationException", "Could not find model.")
        expect_blocked(aws, ANY)
        assert deploy.handler.handler(decided(), None) == {"batchItemFailures": []}


def test_an_artifact_that_may_not_be_copied_leaves_the_approval_alone(deploy: SimpleNamespace) -> None:
    with stubbed(deploy) as aws:
        expect_newest(aws.sagemaker, 7)
        expect_live(aws.s3, 6)
        aws.s3.add_client_error("copy_object", "AccessDenied", http_status_code=403)
        expect_decision(aws.sagemaker, state="superseded", approval="Rejected")
        deploy.handler.handler(decided(), None)
