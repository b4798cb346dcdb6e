"""Multi-model endpoints: models of one prefix, loaded when they are asked for."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.unit.localcloud.sagemaker.support import (
    BUCKET,
    IMAGE,
    INFERENCE,
    INSTANCE,
    ROLES,
    SERVERLESS,
    ask,
    model_archive,
    settled,
)


@pytest.fixture(scope="module")
def many(sagemaker: Any, s3: Any) -> str:
    for weight in (2, 3):
        s3.put_object(Bucket=BUCKET, Key=f"many/by-{weight}.tar.gz", Body=model_archive(weight))
    environment = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
    container = {
        "Image": IMAGE,
        "Mode": "MultiModel",
        "ModelDataUrl": f"s3://{BUCKET}/many/",
        "Environment": environment,
    }
    sagemaker.create_model(ModelName="many", ExecutionRoleArn=f"{ROLES}/job", PrimaryContainer=container)
    variant = {"VariantName": "AllTraffic", "ModelName": "many", **INSTANCE}
    sagemaker.create_endpoint_config(EndpointConfigName="many", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="many", EndpointConfigName="many")
    assert settled(sagemaker, "many")["EndpointStatus"] == "InService"
    return "many"


def test_each_model_answers_by_its_name(runtime: Any, s3: Any, many: str) -> None:
    assert ask(runtime, many, [1], TargetModel="by-2.tar.gz")["predictions"] == [2.0]
    assert ask(runtime, many, [1], TargetModel="by-3.tar.gz")["predictions"] == [3.0]
    s3.put_object(Bucket=BUCKET, Key="many/later/by-4.tar.gz", Body=model_archive(4))
    assert ask(runtime, many, [1], TargetModel="later/by-4.tar.gz")["predictions"] == [4.0], "added to a live endpoint"


def test_a_model_must_be_named_and_be_there(runtime: Any, many: str) -> None:
    with pytest.raises(ClientError, match=r"ValidationError.*is missing a target model header"):
        ask(runtime, many, [1])
    with pytest.raises(
        ClientError, match=r"ValidationError.*Failed to download model data\(bucket: artifacts, key: many/x"
    ):
        ask(runtime, many, [1], TargetModel="x.tar.gz")


def test_an_error_of_the_toolkit_chooses_its_status(runtime: Any, many: str) -> None:
    """The message, then the traceback."""
    with pytest.raises(ClientError) as caught:
        ask(runtime, many, {"instances": 1}, TargetModel="by-2.tar.gz")
    response = caught.value.response
    assert (response["Error"]["Code"], response["OriginalStatusCode"]) == ("ModelError", 400)
    first, second, *_ = response["OriginalMessage"].splitlines()
    assert json.loads(first) == {"errors": [{"field": "instances", "reason": "must be a list"}]}
    assert second.startswith("Traceback")
    with pytest.raises(ClientError, match="unsupported operand") as caught:
        ask(runtime, many, [{}, []], TargetModel="by-2.tar.gz")
    assert caught.value.response["OriginalStatusCode"] == 500


def test_a_model_that_does_not_load_leaves_the_others_alone(runtime: Any, s3: Any, many: str) -> None:
    broken = INFERENCE.replace("return float", "raise RuntimeError('no such weight'); return float")
    s3.put_object(Bucket=BUCKET, Key="many/broken.tar.gz", Body=model_archive(1, broken))
    with pytest.raises(ClientError, match="no such weight") as caught:
        ask(runtime, many, [1], TargetModel="broken.tar.gz")
    assert caught.value.response["OriginalStatusCode"] == 500
    assert ask(runtime, many, [1], TargetModel="by-2.tar.gz")["predictions"] == [2.0]


def test_the_other_endpoints_take_no_model_name(sagemaker: Any, runtime: Any, many: str, config: Any) -> None:
    sagemaker.create_endpoint(EndpointName="one", EndpointConfigName=config("one"))
    settled(sagemaker, "one")
    with pytest.raises(ClientError, match="Endpoint one is not a multi-model endpoint"):
        ask(runtime, "one", [1], TargetModel="by-2.tar.gz")
    variant = {"VariantName": "AllTraffic", "ModelName": many, **SERVERLESS}
    with pytest.raises(ClientError, match="multi-model containers are not supported for serverless"):
        sagemaker.create_endpoint_config(EndpointConfigName="none", ProductionVariants=[variant])
