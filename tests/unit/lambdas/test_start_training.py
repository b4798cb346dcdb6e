"""start_training: one pipeline execution for a data set."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.response import StreamingBody
from botocore.stub import Stubber

from tests.unit.lambdas.loading import load_function

RUN_ID = "0123456789abcdef"
KEY = f"california_housing/run={RUN_ID}/manifest.json"
ARN = "arn:aws:sagemaker:eu-west-1:111122223333:pipeline/mlops-dev-california-housing/execution/abc"


@pytest.fixture
def function() -> SimpleNamespace:
    return load_function("start_training", {"RESOURCE_PREFIX": "mlops-dev-"})


@pytest.fixture
def s3(function: SimpleNamespace) -> Iterator[Stubber]:
    with Stubber(function.handler.s3) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def sagemaker(function: SimpleNamespace) -> Iterator[Stubber]:
    with Stubber(function.handler.sagemaker) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def created(key: str = KEY) -> dict[str, Any]:
    return {"detail-type": "Object Created", "detail": {"bucket": {"name": "processed"}, "object": {"key": key}}}


def expect_manifest(s3: Stubber, **changed: object) -> None:
    body = json.dumps({"model": "california_housing", "run_id": RUN_ID, "rows": {"train": 13}, **changed}).encode()
    answer = {"Body": StreamingBody(io.BytesIO(body), len(body))}
    s3.add_response("get_object", answer, {"Bucket": "processed", "Key": KEY})


def expect_start(sagemaker: Stubber) -> None:
    request = {
        "PipelineName": "mlops-dev-california-housing",
        "PipelineExecutionDisplayName": f"run-{RUN_ID}",
        "ClientRequestToken": hashlib.sha256(f"california_housing\n{RUN_ID}".encode()).hexdigest(),
        "PipelineParameters": [
            {"Name": "DataSetUri", "Value": f"s3://processed/california_housing/run={RUN_ID}"},
            {"Name": "RunId", "Value": RUN_ID},
        ],
    }
    sagemaker.add_response("start_pipeline_execution", {"PipelineExecutionArn": ARN}, request)


def test_manifest_starts_the_pipeline(function: SimpleNamespace, s3: Stubber, sagemaker: Stubber) -> None:
    expect_manifest(s3)
    expect_start(sagemaker)
    assert function.handler.handler(created(), None) == {"execution": ARN}


def test_second_event_asks_with_the_same_token(function: SimpleNamespace, s3: Stubber, sagemaker: Stubber) -> None:
    for _ in range(2):
        expect_manifest(s3)
        expect_start(sagemaker)
        assert function.handler.handler(created(), None) == {"execution": ARN}


@pytest.mark.parametrize(
    "key",
    [
        f"california_housing/run={RUN_ID}/source/manifest.json",
        "california_housing/manifest.json",
        "california_housing/run=UPPER/manifest.json",
        f"../run={RUN_ID}/manifest.json",
    ],
)
def test_other_objects_start_nothing(function: SimpleNamespace, s3: Stubber, sagemaker: Stubber, key: str) -> None:
    assert function.handler.handler(created(key), None) == {"execution": None}


def test_manifest_of_another_run_is_refused(function: SimpleNamespace, s3: Stubber, sagemaker: Stubber) -> None:
    expect_manifest(s3, run_id="fedcba9876543210")
    with pytest.raises(function.handler.ManifestMismatchError, match="run fedcba9876543210"):
        function.handler.handler(created(), None)


def test_refusal_of_aws_is_raised_for_the_retry(function: SimpleNamespace, s3: Stubber, sagemaker: Stubber) -> None:
    expect_manifest(s3)
    sagemaker.add_client_error("start_pipeline_execution", "ThrottlingException")
    with pytest.raises(ClientError, match="ThrottlingException"):
        function.handler.handler(created(), None)
