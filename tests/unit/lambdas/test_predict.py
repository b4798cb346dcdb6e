"""predict: a valid request becomes one InvokeEndpoint; everything else a problem that says what to do."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.response import StreamingBody
from botocore.stub import Stubber

from tests.unit.lambdas.loading import load_function

RECORD = {
    "longitude": -122.23,
    "latitude": 37.88,
    "housing_median_age": 41,
    "total_rooms": 880,
    "total_bedrooms": None,
    "population": 322,
    "households": 126,
    "median_income": 8.3252,
    "ocean_proximity": "NEAR BAY",
}
RESOURCE = "/models/california_housing/predictions"
ENDPOINT = "mlops-dev-california-housing"


@pytest.fixture(scope="module")
def function() -> SimpleNamespace:
    return load_function("predict", {"RESOURCE_PREFIX": "mlops-dev-", "MODEL_TIMEOUT_SECONDS": "25"})


@pytest.fixture
def runtime(function: SimpleNamespace) -> Iterator[Stubber]:
    with Stubber(function.handler.runtime) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def event(body: Any, *, resource: str = RESOURCE) -> dict[str, Any]:
    """What API Gateway hands to a proxy integration."""
    text = body if isinstance(body, str) or body is None else json.dumps(body)
    return {
        "resource": resource,
        "path": resource,
        "httpMethod": "POST",
        "body": text,
        "isBase64Encoded": False,
        "requestContext": {"requestId": "request-1", "resourcePath": resource},
    }


def expect(runtime: Stubber, instances: list[Any], answer: Any) -> None:
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    request = {
        "EndpointName": ENDPOINT,
        "ContentType": "application/json",
        "Accept": "application/json",
        "Body": json.dumps({"instances": instances}).encode(),
    }
    runtime.add_response("invoke_endpoint", {"Body": StreamingBody(io.BytesIO(body), len(body))}, request)


def answered(values: list[float], version: str | None = "7") -> dict[str, Any]:
    predictions = [{"value": value} for value in values]
    return {"predictions": predictions, "model": "california_housing", "run_id": "r", "model_version": version}


def problem_of(response: dict[str, Any], status: int) -> dict[str, Any]:
    """The problem document, after what every problem has in common is checked."""
    assert response["statusCode"] == status
    assert response["headers"]["Content-Type"] == "application/problem+json"
    document: dict[str, Any] = json.loads(response["body"])
    assert (document["type"], document["status"], document["request_id"]) == ("about:blank", status, "request-1")
    assert document["title"]
    return document


def test_prediction(function: SimpleNamespace, runtime: Stubber) -> None:
    expect(runtime, [RECORD, RECORD], answered([452_600.0, 1.5]))
    response = function.handler.handler(event({"instances": [RECORD, RECORD]}), None)
    assert response["statusCode"] == 200
    assert response["headers"] == {"Content-Type": "application/json"}
    assert json.loads(response["body"]) == {
        "model": "california_housing",
        "model_version": "7",
        "predictions": [{"value": 452_600.0, "unit": "USD"}, {"value": 1.5, "unit": "USD"}],
        "request_id": "request-1",
    }


def test_body_in_base64(function: SimpleNamespace, runtime: Stubber) -> None:
    expect(runtime, [RECORD], answered([1.0]))
    encoded = base64.b64encode(json.dumps({"instances": [RECORD]}).encode()).decode()
    response = function.handler.handler({**event(encoded), "isBase64Encoded": True}, None)
    assert response["statusCode"] == 200


def test_invalid_values_are_named_by_instance_and_field(function: SimpleNamespace, runtime: Stubber) -> None:
    wrong = {**RECORD, "latitude": 99, "ocean_proximity": "LAKE"}
    del wrong["households"]
    response = function.handler.handler(event({"instances": [RECORD, wrong, 3]}), None)
    errors = problem_of(response, 400)["errors"]
    named = {(error["instance"], error["field"]) for error in errors}
    assert named == {(1, "latitude"), (1, "ocean_proximity"), (1, "households"), (2, None)}
    assert all(error["reason"] for error in errors)


def test_detail_names_the_first_invalid_value(function: SimpleNamespace, runtime: Stubber) -> None:
    response = function.handler.handler(event({"instances": [{**RECORD, "latitude": 99}]}), None)
    detail = problem_of(response, 400)["detail"]
    assert detail == "1 invalid value(s); the first: instance 0, latitude: must be at most 42.5, is 99"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (None, "The body is not JSON"),
        ("{", "The body is not JSON"),
        ("[" * 100_000, "The body is not JSON"),
        ([RECORD], 'The body must be {"instances": [...]}'),
        ({"instances": []}, "1 to 500 instances"),
        ({"instances": [RECORD] * 501}, "1 to 500 instances"),
        ({"instances": RECORD}, "1 to 500 instances"),
    ],
)
def test_wrong_body(function: SimpleNamespace, runtime: Stubber, body: Any, detail: str) -> None:
    assert detail in problem_of(function.handler.handler(event(body), None), 400)["detail"]


def test_body_that_is_too_large(function: SimpleNamespace, runtime: Stubber) -> None:
    body = json.dumps({"instances": [RECORD], "filler": "x" * 4 * 1024 * 1024})
    assert "Send fewer instances" in problem_of(function.handler.handler(event(body), None), 413)["detail"]


@pytest.mark.parametrize("resource", ["/models/unknown/predictions", "/"])
def test_unknown_model(function: SimpleNamespace, runtime: Stubber, resource: str) -> None:
    response = function.handler.handler(event({"instances": [RECORD]}, resource=resource), None)
    assert "california_housing" in problem_of(response, 404)["detail"]


@pytest.mark.parametrize(
    ("code", "status", "retry_after", "detail"),
    [
        ("ValidationError", 503, "30", "no model is live yet: Endpoint mlops-dev-california-housing not found."),
        ("ThrottlingException", 503, "5", "california_housing cannot take this request now"),
        ("ModelNotReadyException", 503, "5", "california_housing cannot take this request now"),
        ("ServiceUnavailable", 503, "5", "california_housing cannot take this request now"),
    ],
)
def test_model_that_cannot_answer(
    function: SimpleNamespace, runtime: Stubber, code: str, status: int, retry_after: str, detail: str
) -> None:
    runtime.add_client_error("invoke_endpoint", code, f"Endpoint {ENDPOINT} not found.")
    response = function.handler.handler(event({"instances": [RECORD]}), None)
    assert problem_of(response, status)["detail"] == detail
    assert response["headers"]["Retry-After"] == retry_after


def test_model_that_does_not_answer_in_time(function: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    def time_out(**_request: object) -> None:
        raise ReadTimeoutError(endpoint_url="https://runtime")

    monkeypatch.setattr(function.handler.runtime, "invoke_endpoint", time_out)
    response = function.handler.handler(event({"instances": [RECORD]}), None)
    assert "did not answer in 25 s" in problem_of(response, 503)["detail"]
    assert response["headers"]["Retry-After"] == "5"


def model_error(message: str, status: int) -> ClientError:
    error = {
        "Error": {"Code": "ModelError", "Message": "..."},
        "OriginalStatusCode": status,
        "OriginalMessage": message,
    }
    return ClientError(error, "InvokeEndpoint")


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ('{"errors": [{"instance": 0, "field": "latitude", "reason": "must be at most 42.5"}]}', 400),
        (
            '{"errors": [{"instance": 0, "field": "latitude", "reason": "must be at most 42.5"}]}\nTraceback\n  secret',
            400,
        ),
        ('{"errors": []}', 502),
        ("Traceback ... secret path", 502),
        ("[1]", 502),
    ],
)
def test_error_of_the_model(
    function: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, message: str, status: int
) -> None:
    def fail(**_request: object) -> None:
        raise model_error(message, 400 if status == 400 else 500)

    monkeypatch.setattr(function.handler.runtime, "invoke_endpoint", fail)
    document = problem_of(function.handler.handler(event({"instances": [RECORD]}), None), status)
    assert "secret" not in json.dumps(document)
    if status == 400:
        assert document["errors"] == [{"instance": 0, "field": "latitude", "reason": "must be at most 42.5"}]


def test_a_binary_model_answers_with_a_label(function: SimpleNamespace, runtime: Stubber) -> None:
    features = function.handler.CONTRACTS["breast_cancer"].features
    record = {feature.name: feature.default for feature in features}
    for predictions, status in (([{"value": 0.9, "label": "malignant"}], 200), ([{"value": 0.9}], 502)):
        answer = json.dumps({"predictions": predictions, "model_version": "1"}).encode()
        request = {"EndpointName": "mlops-dev-breast-cancer", "ContentType": "application/json"}
        request |= {"Accept": "application/json", "Body": json.dumps({"instances": [record]}).encode()}  # type: ignore[dict-item]
        stream = {"Body": StreamingBody(io.BytesIO(answer), len(answer)), "ContentType": "application/json"}
        runtime.add_response("invoke_endpoint", stream, request)
        found = function.handler.handler(
            event({"instances": [record]}, resource="/models/breast_cancer/predictions"), None
        )
        assert found["statusCode"] == status
        if status == 200:
            assert json.loads(found["body"])["predictions"] == [{"value": 0.9, "label": "malignant"}]


@pytest.mark.parametrize(
    "answer",
    [b"not json", {}, {"predictions": [{"value": 1.0}]}, answered([1.0, 2.0]), answered([]), answered([float("nan")])],
)
def test_answer_that_cannot_be_read(function: SimpleNamespace, runtime: Stubber, answer: Any) -> None:
    expect(runtime, [RECORD], answer)
    document = problem_of(function.handler.handler(event({"instances": [RECORD]}), None), 502)
    assert document["detail"] == "The model's answer could not be read."


def test_missing_permission_is_our_fault_and_raised(function: SimpleNamespace, runtime: Stubber) -> None:
    runtime.add_client_error("invoke_endpoint", "AccessDeniedException", "not authorized")
    with pytest.raises(ClientError, match="AccessDeniedException"):
        function.handler.handler(event({"instances": [RECORD]}), None)


def test_log_holds_no_payload(function: SimpleNamespace, runtime: Stubber, caplog: pytest.LogCaptureFixture) -> None:
    expect(runtime, [RECORD], answered([1.0]))
    function.handler.handler(event({"instances": [RECORD]}), None)
    function.handler.handler(event({"instances": [{**RECORD, "latitude": 99}]}), None)
    logged = [vars(record) for record in caplog.records]
    assert [record["msg"] for record in logged] == ["Predicted", "Prediction refused"]
    assert (logged[0]["model"], logged[0]["instances"], logged[1]["status"]) == ("california_housing", 1, 400)
    assert "8.3252" not in json.dumps(logged, default=str)


def test_one_attempt_and_a_timeout_below_that_of_the_gateway(function: SimpleNamespace) -> None:
    config = function.handler.runtime.meta.config
    assert config.read_timeout == 25
    assert config.retries["total_max_attempts"] == 1
