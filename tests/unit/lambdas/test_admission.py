"""What a key is for, as the functions of the REST API hold it: 403 with a sentence, and the name in the log."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.unit.lambdas.loading import load_function
from tests.unit.lambdas.test_platform_api import ENVIRONMENT as PLATFORM
from tests.unit.lambdas.test_predict import ENVIRONMENT as PREDICT
from tests.unit.lambdas.test_predict import RECORD, RESOURCE, answered
from tests.unit.lambdas.test_predict_endpoint import Server, server  # noqa: F401
from tracking.callers import Caller, record_of

MODEL = "california_housing"
CALLERS = {
    "page": Caller("page"),
    "eye": Caller("eye", None, "read"),
    "app": Caller("app", (MODEL,), "predict"),
    "other": Caller("other", ("breast_cancer",)),
}


@pytest.fixture(scope="module")
def predict() -> SimpleNamespace:
    found = load_function("predict", PREDICT)
    body = json.dumps(answered([1.0])).encode()
    found.handler.endpoints = SimpleNamespace(invoke=lambda *_, **__: body)
    found.handler.find_caller = CALLERS.get
    return found


@pytest.fixture(scope="module")
def platform() -> SimpleNamespace:
    found = load_function("platform_api", PLATFORM)
    found.handler.find_caller = CALLERS.get
    found.handler.catalogue.all_of = lambda _, contracts: {"models": sorted(contracts)}
    for module, name in (("catalogue", "detail"), ("runs", "newest"), ("versions", "all_of"), ("monitoring", "of")):
        setattr(getattr(found.handler, module), name, lambda *_, **__: {})
    found.handler.catalogue.all_of = lambda _, contracts: {"models": sorted(contracts)}
    return found


def ask(function: SimpleNamespace, resource: str, key_id: str | None, **more: Any) -> dict[str, Any]:
    identity = {"apiKeyId": key_id} if key_id else {}
    event = {"resource": resource, "requestContext": {"requestId": "r", "identity": identity}, **more}
    return dict(function.handler.handler(event, None))


@pytest.mark.parametrize(("key", "status"), [("page", 200), ("app", 200), ("eye", 403), ("other", 403), ("x", 403)])
def test_who_may_predict(predict: SimpleNamespace, key: str, status: int) -> None:
    answer = ask(predict, RESOURCE, key, body=json.dumps({"instances": [RECORD]}))
    assert answer["statusCode"] == status


@pytest.mark.parametrize("path", ["/runs", "/versions", "/monitoring"])
@pytest.mark.parametrize(("key", "status"), [("page", 200), ("eye", 200), ("app", 403), ("other", 403), ("x", 403)])
def test_who_may_read_logs_and_registry(platform: SimpleNamespace, path: str, key: str, status: int) -> None:
    assert ask(platform, f"/models/{MODEL}{path}", key)["statusCode"] == status


@pytest.mark.parametrize(("key", "status"), [("page", 200), ("eye", 200), ("app", 200), ("other", 403), ("x", 403)])
def test_who_may_know_what_a_model_takes(platform: SimpleNamespace, key: str, status: int) -> None:
    assert ask(platform, f"/models/{MODEL}", key)["statusCode"] == status


def test_models_that_a_key_is_not_for_are_not_listed(platform: SimpleNamespace) -> None:
    listed = {key: json.loads(ask(platform, "/models", key)["body"]).get("models") for key in CALLERS}
    assert listed == {
        "page": ["breast_cancer", MODEL],
        "eye": ["breast_cancer", MODEL],
        "app": [MODEL],
        "other": ["breast_cancer"],
    }
    assert ask(platform, "/models", "x")["statusCode"] == 403


def test_a_refusal_is_a_problem_that_says_what_the_key_is_for(predict: SimpleNamespace) -> None:
    answer = ask(predict, RESOURCE, "other", body="{}")
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert json.loads(answer["body"])["detail"] == f"The key other is not for {MODEL}, but for breast_cancer."


@pytest.mark.parametrize("key", [None, "", "x"])
def test_without_a_known_key_nothing_is_answered(predict: SimpleNamespace, key: str | None) -> None:
    answer = ask(predict, RESOURCE, key, body=json.dumps({"instances": [RECORD]}))
    assert (answer["statusCode"], "mlops keys create" in answer["body"]) == (403, True)


def test_the_log_names_the_holder_of_the_key(predict: SimpleNamespace, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        ask(predict, RESOURCE, "app", body=json.dumps({"instances": [RECORD]}))
        ask(predict, RESOURCE, "eye", body="{}")
    assert [(item.message, item.caller) for item in caplog.records] == [  # type: ignore[attr-defined]
        ("Answered", "app"),
        ("Refused", "eye"),
    ]


def test_where_callers_sign_policies_decide(caplog: pytest.LogCaptureFixture) -> None:
    for name, environment in (("predict", PREDICT), ("platform_api", PLATFORM)):
        own = {key: value for key, value in environment.items() if key != "API_KEYS"}
        assert load_function(name, own).handler.find_caller("") == Caller("IAM")


@pytest.fixture
def objects(server: Server) -> Iterator[Any]:  # noqa: F811
    module = load_function("predict", PREDICT)
    url = f"http://127.0.0.1:{server.server_port}/bucket"
    credentials = module.endpoint.Credentials("AKID", "secret", "token")
    pool = module.objects.urllib3.PoolManager(retries=False)
    yield module.objects.Objects(url, "eu-west-1", credentials, pool)
    pool.clear()


@pytest.mark.parametrize(("status", "text"), [(200, "{}"), (403, None), (404, None)])
def test_predict_reads_a_record(objects: Any, server: Server, status: int, text: str | None) -> None:  # noqa: F811
    server.answer = (status, {}, b"{}")
    assert objects.text(record_of("k3")) == text
    path, headers, _ = server.requests[-1]
    assert path == "/bucket/api-keys/k3.json"
    assert "/eu-west-1/s3/aws4_request" in headers["authorization"]


def test_a_store_that_fails_is_503(objects: Any, server: Server, predict: SimpleNamespace) -> None:  # noqa: F811
    server.answer = (500, {}, b"")
    predict.handler.find_caller = lambda key_id: objects.text(record_of(key_id))
    answer = ask(predict, RESOURCE, "k3", body="{}")
    predict.handler.find_caller = CALLERS.get
    assert (answer["statusCode"], answer["headers"]["Retry-After"]) == (503, "5")


@pytest.mark.parametrize(("code", "found"), [("NoSuchKey", None), ("AccessDenied", None), ("SlowDown", ClientError)])
def test_platform_api_reads_a_record(platform: SimpleNamespace, code: str, found: Any) -> None:
    def get_object(**_: str) -> None:
        raise ClientError({"Error": {"Code": code}}, "GetObject")

    known, platform.handler.client = platform.handler.client, lambda _: SimpleNamespace(get_object=get_object)
    try:
        if found is None:
            assert platform.handler._record("api-keys/k3.json") is None
        else:
            with pytest.raises(found):
                platform.handler._record("api-keys/k3.json")
    finally:
        platform.handler.client = known
