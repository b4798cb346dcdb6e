"""Whose fault a refusal is, in the words that SageMaker has for it."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from tracking.faults import Quota, failure, quota_in, refusal

UNREADABLE = (
    'Could not access model data at s3://b/m.tar.gz. Please ensure that the role "arn:aws:iam::1:role/m" exists and '
    'that its trust relationship policy allows the action "sts:AssumeRole" for the service principal '
    '"sagemaker.amazonaws.com". Also ensure that the role has "s3:GetObject" permissions and that the object is '
    "located in eu-west-1."
)


def whose(code: str, message: str, *, own: bool = True, gone: bool = False) -> str:
    error = ClientError({"Error": {"Code": code, "Message": message}}, "CreateModel")
    return refusal(error, own_container=own, artifact_gone=gone).whose


@pytest.mark.parametrize(
    "message",
    [
        "Could not find model data at s3://b/m.tar.gz.",
        "Requested image 1.dkr.ecr.eu-west-1.amazonaws.com/m:1 not found.",
        'ECR image "1.dkr.ecr.us-west-2.amazonaws.com/decision-trees-sample" is invalid.',
        'Using non-ECR image "x" without Vpc repository access mode is not supported.',
    ],
)
def test_artifact_and_image_are_the_versions_own(message: str) -> None:
    assert whose("ValidationException", message) == "version"
    assert whose("ValidationException", message, own=False) == "environment"
    assert whose("AccessDeniedException", message) == "environment"


@pytest.mark.parametrize(("gone", "expected"), [(True, "version"), (False, "environment")])
def test_what_a_role_cannot_read_may_be_gone(gone: bool, expected: str) -> None:
    assert whose("ValidationException", UNREADABLE, gone=gone) == expected
    assert failure(f"Failed to download model data. {UNREADABLE}", artifact_gone=gone).whose == expected


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("AccessDeniedException", "User is not authorized to perform: iam:PassRole"),
        ("ThrottlingException", "Rate exceeded"),
        ("ResourceInUse", "in use"),
        ("ValidationException", "Role arn:aws:iam::1:role/m does not grant ecr:GetDownloadUrlForLayer"),
        ("ValidationException", "The subnet ID 'subnet-1' does not exist"),
        ("ValidationException", "The security group 'sg-1' does not exist"),
        ("ValidationException", "One or more alarms of the AutoRollbackConfiguration do not exist"),
        ("ValidationException", "Updating the real-time endpoint to a serverless endpoint is not supported."),
        ("ValidationException", "Serverless Inference is not supported in this region"),
        ("ValidationException", "The KMS key is disabled"),
        ("ValidationException", ""),
        ("InternalFailure", "who knows"),
    ],
)
def test_everything_else_is_the_environments(code: str, message: str) -> None:
    assert whose(code, message, gone=True) == "environment"


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("The primary container for production variant AllTraffic did not pass the ping health check.", "version"),
        ("One or more alarms of the auto-rollback configuration went into the ALARM state: a-5xx", "version"),
        ("Alarms were triggered:\na-5xx", "version"),
        ("The alarm a-5xx tripped in the baking period.", "version"),
        ('Failed to extract model data archive for container "container_1" from URL "s3://b/m.tar.gz".', "version"),
        ("CannotStartContainerError. Please ensure the model container can be started.", "version"),
        ("Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error.", "environment"),
        ("Please make sure all images included in the model exist, and that the role can access them.", "environment"),
        ("Request to service failed. If failure persists after retry, contact customer support.", "environment"),
        ("The alarms could not be described", "environment"),
        ("", "environment"),
    ],
)
def test_an_endpoint_that_failed_says_why(reason: str, expected: str) -> None:
    assert failure(reason).whose == expected


@pytest.mark.parametrize(
    ("message", "quota"),
    [
        (
            "The account-level service limit 'ml.m5.large for endpoint usage' is 0 Instances, with current utilization "
            "of 0 Instances and a request delta of 1 Instances. Please contact AWS support.",
            Quota("ml.m5.large for endpoint usage", 0, 0, 1),
        ),
        (
            "The account-level service limit 'Maximum total concurrency that can be allocated across all serverless "
            "endpoints' is 10, with current utilization of 10 and a request delta of 5. Please use AWS Service Quotas.",
            Quota("Maximum total concurrency that can be allocated across all serverless endpoints", 10, 10, 15),
        ),
    ],
)
def test_a_quota_is_told_as_what_it_is(message: str, quota: Quota) -> None:
    assert quota_in(message) == quota
    error = ClientError({"Error": {"Code": "ResourceLimitExceeded", "Message": message}}, "CreateEndpoint")
    told = refusal(error, own_container=True, artifact_gone=False)
    assert told.whose == "environment"
    assert f"{quota.name} is {quota.value:g}" in told.reason
    assert f"for {quota.needed:g} or more" in told.reason


def test_a_quota_in_words_that_nobody_has_met_is_one_still() -> None:
    error = ClientError({"Error": {"Code": "ResourceLimitExceeded", "Message": "Too much."}}, "CreateEndpoint")
    told = refusal(error, own_container=True, artifact_gone=True)
    assert (told.whose, told.reason) == ("environment", "A quota of the account is used up: Too much.")
