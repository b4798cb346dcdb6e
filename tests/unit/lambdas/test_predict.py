"""predict: a valid request becomes one InvokeEndpoint; everything else a problem that says what to do."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.hostile import RECORD
from tests.unit.lambdas.loading import load_function

RESOURCE = "/models/california_housing/predictions"
MODEL = "california_housing"
ENDPOINT = "mlops-dev-california-housing"
# Sent along with every request.
WISH = {"refusals": "answer", "request_id": "request-1"}


ENVIRONMENT = {
    "RESOURCE_PREFIX": "mlops-dev-",
    "MODEL_TIMEOUT_SECONDS": "25",
    "RUNTIME_URL": "https://runtime.sagemaker.eu-west-1.amazonaws.com",
    "CORS_ORIGINS": "https://a.example,https://b.example",
    "API_KEYS": "pagekey=page,clikey=cli",
    "ARTIFACT_BUCKET": "artifacts",
    "ARTIFACT_BUCKET_URL": "https://artifacts.s3.eu-west-1.amazonaws.com",
}


class Runtime:
    """Stands for the endpoints: one answer, or error, for each request that is expected."""

    def __init__(self) -> None:
        self.expected: list[tuple[str, Any, bytes | Exception]] = []

    def invoke(self, name: str, body: bytes, *, target: str | None) -> bytes:
        assert target is None
        endpoint, request, answer = self.expected.pop(0)
        assert (name, json.loads(body)) == (endpoint, request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def fails(self, error: Exception, instances: Sequence[Any] = (RECORD,)) -> None:
        self.expected.append((ENDPOINT, {"instances": list(instances), **WISH}, error))


@pytest.fixture(scope="module")
def function() -> SimpleNamespace:
    return load_function("predict", ENVIRONMENT)


@pytest.fixture
def runtime(function: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runtime]:
    runtime = Runtime()
    monkeypatch.setattr(function.handler, "endpoints", runtime)
    yield runtime
    assert runtime.expected == []


def event(body: Any, *, resource: str = RESOURCE, **more: Any) -> dict[str, Any]:
    """What API Gateway hands to a proxy integration."""
    text = body if isinstance(body, str) or body is None else json.dumps(body)
    return {
        "resource": resource,
        "path": resource,
        "httpMethod": "POST",
        "body": text,
        "isBase64Encoded": False,
        "requestContext": {"requestId": "request-1", "identity": {"apiKeyId": "pagekey"}, "resourcePath": resource},
        **more,
    }


def expect(runtime: Runtime, instances: list[Any], answer: Any, **more: Any) -> None:
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    runtime.expected.append((ENDPOINT, {"instances": instances, **WISH, **more}, body))


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


def test_prediction(function: SimpleNamespace, runtime: Runtime) -> None:
    expect(runtime, [RECORD, RECORD], answered([452_600.0, 1.5]))
    response = function.handler.handler(event({"instances": [RECORD, RECORD]}), None)
    assert response["statusCode"] == 200
    assert response["headers"] == {"Content-Type": "application/json"}
    assert json.loads(response["body"]) == {
        "model": "california_housing",
        "model_version": "7",
        "run_id": "r",
        "predictions": [{"value": 452_600.0, "unit": "USD"}, {"value": 1.5, "unit": "USD"}],
        "request_id": "request-1",
    }


def test_body_in_base64(function: SimpleNamespace, runtime: Runtime) -> None:
    expect(runtime, [RECORD], answered([1.0]))
    encoded = base64.b64encode(json.dumps({"instances": [RECORD]}).encode()).decode()
    response = function.handler.handler({**event(encoded), "isBase64Encoded": True}, None)
    assert response["statusCode"] == 200


def refusal(function: SimpleNamespace, *errors: dict[str, Any], cut: int | None = None, **origin: Any) -> Exception:
    """What a container of the platform says of wrong values, as far as SageMaker passes it on."""
    message = json.dumps({"errors": errors, "run_id": "r", **origin})[:cut]
    error: Exception = function.endpoint.InvocationError("ModelError", "...", original=message, original_status=400)
    return error


HIGH = {"instance": 0, "field": "latitude", "reason": "must be at most 42.5, is 99"}


def test_what_is_no_object_is_named(function: SimpleNamespace, runtime: Runtime) -> None:
    response = function.handler.handler(event({"instances": [RECORD, 3, None]}), None)
    errors = problem_of(response, 400)["errors"]
    assert [(error["instance"], error["field"]) for error in errors] == [(1, None), (2, None)]
    assert all(error["reason"] for error in errors)


def test_values_are_judged_by_the_version_and_not_by_the_deployed_contract(
    function: SimpleNamespace, runtime: Runtime
) -> None:
    """Its contract may be another one: a deployment breaks no request that worked before."""
    older = {"rooms": 3, "quarter": "north"}
    expect(runtime, [older], answered([1.0]))
    assert function.handler.handler(event({"instances": [older]}), None)["statusCode"] == 200


def test_a_refusal_names_the_version_whose_contract_says_so(function: SimpleNamespace, runtime: Runtime) -> None:
    runtime.fails(refusal(function, HIGH, model_version="7"), [{"latitude": 99}])
    document = problem_of(function.handler.handler(event({"instances": [{"latitude": 99}]}), None), 400)
    assert document["detail"] == (
        "1 invalid value(s); the first: instance 0, latitude: must be at most 42.5, is 99 "
        f"(version 7 answers; GET /models/{MODEL} tells what it takes)"
    )
    assert (document["errors"], document["model_version"]) == ([HIGH], "7")


def test_a_refusal_that_comes_as_an_answer_is_told_whole(function: SimpleNamespace, runtime: Runtime) -> None:
    errors = [{**HIGH, "instance": place, "field": "x" * 60} for place in range(100)]
    expect(runtime, [RECORD], {"errors": errors, "model_version": "7", "run_id": "r"})
    document = problem_of(function.handler.handler(event({"instances": [RECORD]}), None), 400)
    assert (document["errors"], document["model_version"]) == (errors, "7")


@pytest.mark.parametrize("length", range(12, 2049, 97))
def test_a_refusal_that_was_cut_is_told_as_far_as_it_came(
    function: SimpleNamespace, runtime: Runtime, length: int
) -> None:
    """Of a version from before refusals were answers: SageMaker passes on 2,048 characters."""
    errors = [{**HIGH, "instance": place} for place in range(100)]
    runtime.fails(refusal(function, *errors, cut=length))
    document = problem_of(function.handler.handler(event({"instances": [RECORD]}), None), 400)
    *whole, more = document["errors"]
    assert whole == errors[: len(whole)]
    assert len(whole) == json.dumps({"errors": errors})[:length].count("}")
    assert more["reason"] == "there is more that is wrong than could be passed on"


def test_a_refusal_that_cannot_be_read_is_no_failure(function: SimpleNamespace, runtime: Runtime) -> None:
    error = function.endpoint.InvocationError("ModelError", "...", original="no JSON", original_status=400)
    runtime.fails(error)
    document = problem_of(function.handler.handler(event({"instances": [RECORD]}), None), 400)
    assert document["detail"] == f"The live version of {MODEL} refused the request."


def test_a_label_is_passed_on_whatever_is_deployed(function: SimpleNamespace, runtime: Runtime) -> None:
    """An older container does not say what its numbers mean, and the deployed contract may be of another task."""
    expect(runtime, [RECORD], {**answered([0.8]), "predictions": [{"value": 0.8, "label": "yes"}]})
    found = json.loads(function.handler.handler(event({"instances": [RECORD]}), None)["body"])["predictions"]
    assert found == [{"value": 0.8, "label": "yes"}]


def test_a_version_that_does_not_say_its_number_refuses_without_one(
    function: SimpleNamespace, runtime: Runtime
) -> None:
    runtime.fails(refusal(function, HIGH))
    document = problem_of(function.handler.handler(event({"instances": [RECORD]}), None), 400)
    assert document["detail"] == "1 invalid value(s); the first: instance 0, latitude: must be at most 42.5, is 99"
    assert "model_version" not in document


@pytest.mark.parametrize(
    ("target", "answer", "expected"),
    [
        ({"name": "price", "unit": "EUR", "levels": []}, {"value": 2.0}, {"value": 2.0, "unit": "EUR"}),
        ({"name": "price", "unit": "", "levels": []}, {"value": 2.0}, {"value": 2.0}),
        (
            {"name": "sold", "unit": "", "levels": ["no", "yes"]},
            {"value": 0.8, "label": "yes"},
            {"value": 0.8, "label": "yes"},
        ),
    ],
)
def test_an_answer_means_what_the_version_says(
    function: SimpleNamespace, runtime: Runtime, target: Any, answer: Any, expected: Any
) -> None:
    expect(runtime, [RECORD], {**answered([2.0]), "predictions": [answer], "target": target})
    found = function.handler.handler(event({"instances": [RECORD]}), None)
    assert json.loads(found["body"])["predictions"] == [expected]


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (None, "The body is not JSON"),
        ("{", "The body is not JSON"),
        ("[" * 100_000, "The body is not JSON"),
        ("1" * 5000, "The body is not JSON"),
        ([RECORD], 'instances: the body must be {"instances": [...]}'),
        ({"instances": []}, "1 to 500 instances, it holds 0"),
        ({"instances": [RECORD] * 501}, "1 to 500 instances, it holds 501"),
        ({"instances": RECORD}, "1 to 500 instances"),
        ({"instances": [RECORD], "explain": True}, "explain: is not a member of the body; leave it out"),
        ('{"instances": [{"latitude": 1, "latitude": 2}]}', "latitude: stands twice in one object; keep one"),
        ('{"instances": [], "instances": []}', "instances: stands twice in one object; keep one"),
    ],
)
def test_wrong_body(function: SimpleNamespace, runtime: Runtime, body: Any, detail: str) -> None:
    assert detail in problem_of(function.handler.handler(event(body), None), 400)["detail"]


def test_500_instances_are_not_too_many(function: SimpleNamespace, runtime: Runtime) -> None:
    expect(runtime, [RECORD] * 500, answered([1.0] * 500))
    response = function.handler.handler(event({"instances": [RECORD] * 500}), None)
    assert len(json.loads(response["body"])["predictions"]) == 500


@pytest.mark.parametrize("kind", ["text/csv", "application/x-www-form-urlencoded", "text/plain; charset=utf-8"])
def test_other_content_types_are_refused(function: SimpleNamespace, runtime: Runtime, kind: str) -> None:
    sent = event({"instances": [RECORD]}, headers={"content-type": kind})
    assert "Send application/json" in problem_of(function.handler.handler(sent, None), 415)["detail"]


@pytest.mark.parametrize("headers", [{}, None, {"Content-Type": "Application/JSON; charset=utf-8"}])
def test_json_needs_no_content_type(function: SimpleNamespace, runtime: Runtime, headers: Any) -> None:
    expect(runtime, [RECORD], answered([1.0]))
    assert function.handler.handler(event({"instances": [RECORD]}, headers=headers), None)["statusCode"] == 200


def test_a_hundred_errors_are_told_with_names_that_are_cut(function: SimpleNamespace, runtime: Runtime) -> None:
    """A function may answer with 6 MB; 4 MB of unknown names would make more."""
    errors = [{"instance": 0, "field": f"{number}{'x' * 1000}", "reason": "unknown"} for number in range(101)]
    runtime.fails(refusal(function, *errors))
    response = function.handler.handler(event({"instances": [RECORD]}), None)
    document = problem_of(response, 400)
    assert document["detail"].startswith("At least 100 invalid values; the first: instance 0, 0xxx")
    assert len(document["errors"]) == 100
    assert len(response["body"]) < 50_000


def test_a_model_is_found_where_one_path_is_for_all(function: SimpleNamespace, runtime: Runtime) -> None:
    path = {"resource": "/models/{model}/predictions"}
    told = function.handler.handler(event({"instances": []}, **path, pathParameters={"model": MODEL}), None)
    assert problem_of(told, 400)["detail"] != ""
    unknown = function.handler.handler(event({"instances": [RECORD]}, **path, pathParameters={"model": "nobody"}), None)
    assert problem_of(unknown, 404)["detail"].startswith("There is no model 'nobody'.")


@pytest.mark.parametrize("resource", ["/models/unknown/predictions", "/"])
def test_unknown_model(function: SimpleNamespace, runtime: Runtime, resource: str) -> None:
    response = function.handler.handler(event({"instances": [RECORD]}, resource=resource), None)
    assert "california_housing" in problem_of(response, 404)["detail"]


@pytest.mark.parametrize(
    ("code", "message", "retry_after", "detail"),
    [
        (
            *("ValidationError", "Endpoint e of account 111122223333 not found.", "30"),
            f"no version of {MODEL} is live; GET /models/{MODEL} says why",
        ),
        ("ValidationError", "Could not load model of account 111122223333", "30", f"{MODEL} cannot answer now"),
        ("ThrottlingException", "", "5", f"{MODEL} cannot take this request now"),
        ("ModelNotReadyException", "", "5", f"{MODEL} cannot take this request now"),
        ("ServiceUnavailable", "", "5", f"{MODEL} cannot take this request now"),
    ],
)
def test_model_that_cannot_answer(
    function: SimpleNamespace, runtime: Runtime, code: str, message: str, retry_after: str, detail: str
) -> None:
    """What SageMaker says names the account: it is logged, and not told."""
    runtime.fails(function.endpoint.InvocationError(code, message))
    response = function.handler.handler(event({"instances": [RECORD]}), None)
    assert problem_of(response, 503)["detail"] == detail
    assert "111122223333" not in response["body"]
    assert response["headers"]["Retry-After"] == retry_after


@pytest.mark.parametrize("words", ['{"errors": [1, 2, {"rea', '{"errors": ["a", ', '{"errors": [' + "[" * 100_000])
def test_what_another_container_says_of_errors_is_no_refusal_of_ours(
    function: SimpleNamespace, runtime: Runtime, words: str
) -> None:
    error = function.endpoint.InvocationError("ModelError", "", original=words, original_status=400)
    runtime.fails(error)
    response = function.handler.handler(event({"instances": [RECORD]}), None)
    assert response["statusCode"] == 400


def test_model_that_cannot_be_reached(function: SimpleNamespace, runtime: Runtime) -> None:
    runtime.fails(function.endpoint.UnreachableError("[Errno 111] Connection refused"))
    response = function.handler.handler(event({"instances": [RECORD]}), None)
    assert problem_of(response, 503)["detail"] == f"{MODEL} cannot be reached now"


def test_model_that_does_not_answer_in_time(function: SimpleNamespace, runtime: Runtime) -> None:
    runtime.fails(function.endpoint.TimedOutError("read timed out"))
    response = function.handler.handler(event({"instances": [RECORD]}), None)
    assert "did not answer in 25 s" in problem_of(response, 503)["detail"]
    assert response["headers"]["Retry-After"] == "5"


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ('{"errors": [{"instance": 0, "field": "latitude", "reason": "must be at most 42.5"}]}', 400),
        (
            '{"errors": [{"instance": 0, "field": "latitude", "reason": "must be at most 42.5"}]}\nTraceback\n  secret',
            400,
        ),
        ('{"errors": []}', 502),
        ('{"errors": [3]}', 502),
        ("Traceback ... secret path", 502),
        ("[1]", 502),
    ],
)
def test_error_of_the_model(function: SimpleNamespace, runtime: Runtime, message: str, status: int) -> None:
    original = 400 if status == 400 else 500
    runtime.fails(function.endpoint.InvocationError("ModelError", "...", original=message, original_status=original))
    document = problem_of(function.handler.handler(event({"instances": [RECORD]}), None), status)
    assert "secret" not in json.dumps(document)
    if status == 400:
        assert document["errors"] == [{"instance": 0, "field": "latitude", "reason": "must be at most 42.5"}]


@pytest.mark.parametrize(
    ("message", "on"),
    [
        ('{"failed": {"instance": 3, "run_id": "r"}}', "instance 3"),
        ('{"failed": {"instance": 3}}\nTraceback ...', "instance 3"),
        ('{"failed": {"instance": null}}', "this request"),
        ('{"failed": {"instance": "<b>"}}', "this request"),
        ('{"failed": []}', "this request"),
        ("<!doctype html>", "this request"),
        ("[" * 100_000, "this request"),
    ],
)
def test_a_failure_of_the_model_names_its_record_and_how_to_find_why(
    function: SimpleNamespace, runtime: Runtime, caplog: pytest.LogCaptureFixture, message: str, on: str
) -> None:
    runtime.fails(function.endpoint.InvocationError("ModelError", "...", original=message, original_status=500))
    with caplog.at_level(logging.INFO):
        document = problem_of(function.handler.handler(event({"instances": [RECORD]}), None), 502)
    assert document["detail"] == f"The model failed on {on}. Why is in the log: mlops logs --request request-1"
    (told,) = [record.__dict__ for record in caplog.records if record.message == "Model failed"]
    assert (told["request_id"], told["endpoint"], told["on"], told["status"]) == ("request-1", ENDPOINT, on, 500)


def test_a_misspelt_parameter_is_named(function: SimpleNamespace, runtime: Runtime) -> None:
    sent = event({"instances": [RECORD]}, queryStringParameters={"explian": "true"})
    (error,) = problem_of(function.handler.handler(sent, None), 400)["errors"]
    assert (error["field"], error["reason"]) == ("explian", "is not a parameter of this path; leave it out")


INTERVAL = {"low": 1.0, "high": 3.0, "level": 0.9}
EXPLANATION = {
    "output": "value",
    "base": 1.5,
    "sum": 2.0,
    "contributions": [{"feature": "latitude", "value": 37.88, "contribution": 0.5}],
}


def test_interval_and_explanation_are_passed_on(function: SimpleNamespace, runtime: Runtime) -> None:
    answer = answered([2.0])
    answer["predictions"][0] |= {"interval": INTERVAL, "explanation": EXPLANATION}
    expect(runtime, [RECORD], answer, explain=True)
    sent = event({"instances": [RECORD]}, queryStringParameters={"explain": "true"})
    (found,) = json.loads(function.handler.handler(sent, None)["body"])["predictions"]
    assert found == {"value": 2.0, "unit": "USD", "interval": INTERVAL, "explanation": EXPLANATION}


def test_a_version_that_cannot_explain_says_so(function: SimpleNamespace, runtime: Runtime) -> None:
    expect(runtime, [RECORD], answered([2.0]), explain=True)
    sent = event({"instances": [RECORD]}, queryStringParameters={"explain": "true"})
    assert "cannot explain its predictions" in problem_of(function.handler.handler(sent, None), 501)["detail"]


def test_only_50_instances_are_explained_at_once(function: SimpleNamespace, runtime: Runtime) -> None:
    sent = event({"instances": [RECORD] * 51}, queryStringParameters={"explain": "true"})
    detail = problem_of(function.handler.handler(sent, None), 400)["detail"]
    assert "with 1 to 50 instances when they are explained, it holds 51" in detail


def test_explain_is_true_or_false(function: SimpleNamespace, runtime: Runtime) -> None:
    sent = event({"instances": [RECORD]}, queryStringParameters={"explain": "yes"})
    document = problem_of(function.handler.handler(sent, None), 400)
    assert document["errors"] == [{"instance": None, "field": "explain", "reason": "must be true or false, is 'yes'"}]


@pytest.mark.parametrize(
    ("origin", "allowed"), [("https://b.example", "https://b.example"), ("https://c.example", None), (None, None)]
)
def test_pages_of_named_origins_may_read_answers_and_problems(
    function: SimpleNamespace, runtime: Runtime, origin: str | None, allowed: str | None
) -> None:
    expect(runtime, [RECORD], answered([2.0]))
    headers = {"Origin": origin} if origin else {}
    for body in ({"instances": [RECORD]}, {"instances": []}):
        response = function.handler.handler(event(body, headers=headers), None)
        assert response["headers"].get("Access-Control-Allow-Origin") == allowed


def test_a_binary_model_answers_with_a_label(function: SimpleNamespace, runtime: Runtime) -> None:
    features = function.handler.CONTRACTS["breast_cancer"].features
    record = {feature.name: feature.default for feature in features}
    target = {"name": "diagnosis", "unit": "", "levels": ["benign", "malignant"]}
    for predictions, status in (([{"value": 0.9, "label": "malignant"}], 200), ([{"value": 0.9}], 502)):
        origin = {"run_id": "r", "model_version": "1", "target": target}
        answer = json.dumps({"predictions": predictions, **origin}).encode()
        runtime.expected.append(("mlops-dev-breast-cancer", {"instances": [record], **WISH}, answer))
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
def test_answer_that_cannot_be_read(function: SimpleNamespace, runtime: Runtime, answer: Any) -> None:
    expect(runtime, [RECORD], answer)
    document = problem_of(function.handler.handler(event({"instances": [RECORD]}), None), 502)
    assert document["detail"] == (
        "The model's answer could not be read. Why is in the log: mlops logs --request request-1"
    )


def test_missing_permission_is_our_fault_and_raised(function: SimpleNamespace, runtime: Runtime) -> None:
    runtime.fails(function.endpoint.InvocationError("AccessDeniedException", "not authorized"))
    with pytest.raises(function.endpoint.InvocationError, match="AccessDeniedException"):
        function.handler.handler(event({"instances": [RECORD]}), None)


def test_log_holds_no_payload(function: SimpleNamespace, runtime: Runtime, caplog: pytest.LogCaptureFixture) -> None:
    expect(runtime, [RECORD], answered([1.0]))
    function.handler.handler(event({"instances": [RECORD]}), None)
    runtime.fails(refusal(function, HIGH))
    function.handler.handler(event({"instances": [RECORD]}), None)
    logged = [vars(record) for record in caplog.records]
    assert [record["msg"] for record in logged] == ["Answered", "Refused"]
    assert (logged[0]["model"], logged[0]["instances"], logged[1]["status"]) == ("california_housing", 1, 400)
    assert "8.3252" not in json.dumps(logged, default=str)
