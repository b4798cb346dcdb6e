"""A JSON service of our own: requests validated with botocore's shapes, errors as AWS words them."""

import asyncio
import datetime
import json

import pytest

from localcloud import constraints
from localcloud.errors import AccessDenied, OperationError
from localcloud.jsonservice import _Service


def describe(request):
    if request["ModelName"] == "secret":
        raise AccessDenied("reader", "sagemaker:DescribeModel", "model/secret", principal="me")
    if request["ModelName"] == "missing":
        raise OperationError("ResourceNotFound", "no such model")
    return {"ModelName": request["ModelName"], "CreationTime": datetime.datetime.fromtimestamp(5, datetime.UTC)}


@pytest.fixture
def call():
    service = _Service("sagemaker", {"DescribeModel": describe, "CreateEndpoint": dict}, "sagemaker", None)

    def request(operation: str, body: object) -> tuple[int, dict]:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"x-amz-target": f"SageMaker.{operation}"}
        status, _, answer = asyncio.run(service.handle("POST", "/", headers, raw, {}))
        return status, json.loads(answer)

    return request


def test_an_operation_answers_with_times_as_seconds(call):
    assert call("DescribeModel", {"ModelName": "m"}) == (200, {"ModelName": "m", "CreationTime": 5.0})


@pytest.mark.parametrize(
    ("operation", "body", "code", "words"),
    [
        ("DescribeModel", {}, "ValidationException", 'Missing required parameter in input: "ModelName"'),
        ("DescribeModel", {"ModelName": 3}, "ValidationException", "Invalid type for parameter ModelName"),
        ("DescribeModel", {"ModelName": "m", "Colour": 1}, "ValidationException", "Colour"),
        ("DescribeModel", {"ModelName": "a b"}, "ValidationException", "'ModelName' failed to satisfy constraint"),
        ("DescribeModel", {"ModelName": "m" * 64}, "ValidationException", "less than or equal to 63"),
        ("DescribeModel", b"{", "SerializationException", "not JSON"),
        ("DescribeModel", {"ModelName": "missing"}, "ResourceNotFound", "no such model"),
        ("DescribeModel", {"ModelName": "secret"}, "AccessDeniedException", "sagemaker:DescribeModel on resource"),
        ("CreateApp", {}, "UnknownOperationException", "CreateApp is not implemented by the local sagemaker"),
    ],
)
def test_a_refused_request_says_why(call, operation, body, code, words):
    status, answer = call(operation, body)

    assert (status, answer["__type"]) == (400, code)
    assert words in answer["message"]


def test_unicode_classes_of_a_pattern_are_understood() -> None:
    pattern = r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*"
    assert constraints._matches(pattern, "Größe 3.5 s3://b/k=1")
    assert not constraints._matches(pattern, "failed; see (this)")
