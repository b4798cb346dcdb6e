"""What SageMaker says of a resource that is not there, and of a request that it does not take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from tracking.resources import ensure, found

KEYS = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
MODEL = {"ModelName": "m", "ExecutionRoleArn": "arn:aws:iam::111122223333:role/model"}


@pytest.fixture
def sagemaker() -> Iterator[tuple[Any, Stubber]]:
    client = boto3.client("sagemaker", region_name="eu-west-1", **KEYS)
    with Stubber(client) as stubber:
        yield client, stubber
        stubber.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ValidationException", "Could not find requested job with name: j"),
        ("ValidationException", "Requested resource not found."),
        ("ValidationException", "ModelPackage arn:aws:sagemaker:... does not exist."),
        ("ResourceNotFound", "No such job"),
    ],
)
def test_what_is_not_there_is_none(sagemaker: tuple[Any, Stubber], code: str, message: str) -> None:
    client, stubber = sagemaker
    stubber.add_client_error("describe_transform_job", code, message)
    assert found(client.describe_transform_job, TransformJobName="j") is None


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ValidationException", "1 validation error detected: Value 'j_1' failed to satisfy constraint"),
        ("AccessDeniedException", "not authorized: the role was not found"),
    ],
)
def test_another_answer_is_raised(sagemaker: tuple[Any, Stubber], code: str, message: str) -> None:
    client, stubber = sagemaker
    stubber.add_client_error("describe_transform_job", code, message)
    with pytest.raises(ClientError, match=code):
        found(client.describe_transform_job, TransformJobName="j")


def test_a_refusal_is_raised_unless_another_made_it_meanwhile(sagemaker: tuple[Any, Stubber]) -> None:
    client, stubber = sagemaker
    for after in (True, False):
        stubber.add_client_error("create_model", "ValidationException", "Cannot create already existing model", 400)
        answers = iter((False, after))
        if after:
            ensure(client.create_model, MODEL, lambda answers=answers: next(answers))
        else:
            with pytest.raises(ClientError, match="Cannot create"):
                ensure(client.create_model, MODEL, lambda answers=answers: next(answers))
