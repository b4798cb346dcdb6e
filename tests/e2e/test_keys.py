"""Keys of the deployed API: who may what, whose day is used up, who stands in the log; and what runs no function."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
import urllib3

from cli import api, keys, teardown
from cli.api import RefusedError
from cli.doctor import concurrency
from cli.needs import needs_of
from tests.e2e.conftest import MODEL, Platform
from tests.e2e.test_api import PREDICTIONS, Client
from tests.records import example

OTHER = "breast_cancer"


@pytest.fixture(scope="module")
def pool() -> Iterator[urllib3.PoolManager]:
    with urllib3.PoolManager(retries=False, timeout=60.0, maxsize=4) as pool:
        yield pool


def client(platform: Platform, pool: urllib3.PoolManager, name: str, **wanted: object) -> Client:
    """The holder of a new key."""
    limits = {"models": None, "use": None, "per_second": 100, "per_day": None, **wanted}
    made = keys.create(platform.target, name, **limits)  # type: ignore[arg-type]
    return Client(platform.target.api_url, made.value, pool)


def test_a_key_for_predictions_sees_no_logs_and_no_registry(platform: Platform, pool: urllib3.PoolManager) -> None:
    app = client(platform, pool, "app", models=(MODEL,), use="predict")
    # Nothing is live, and that is all there is to say.
    assert app.post().problem(503)["detail"].startswith("no version of california_housing is live")
    assert [model["name"] for model in app.get("/models").document["models"]] == [MODEL]
    assert app.get(f"/models/{MODEL}").document["name"] == MODEL
    for path in ("runs", "versions", "monitoring"):
        told = app.get(f"/models/{MODEL}/{path}").problem(403)["detail"]
        assert told == "The key app is not for runs, versions and monitoring, but for predictions alone."
    assert app.get(f"/models/{OTHER}").problem(403)["detail"] == f"The key app is not for {OTHER}, but for {MODEL}."


def test_a_key_for_reading_predicts_nothing(platform: Platform, pool: urllib3.PoolManager) -> None:
    eye = client(platform, pool, "eye", use="read")
    assert eye.get(f"/models/{MODEL}/runs").status == 200
    assert "not for predictions" in eye.post().problem(403)["detail"]


def test_page_command_and_callers_have_a_day_each(platform: Platform, pool: urllib3.PoolManager) -> None:
    few = client(platform, pool, "few", per_day=2)
    assert [few.get("/models").status for _ in range(3)] == [200, 200, 429]
    page, cli = (Client(few.url, key, pool) for key in (platform.target.page_key, platform.target.cli_key))
    assert page.key != cli.key
    assert (page.get("/models").status, cli.get("/models").status) == (200, 200)
    with pytest.raises(RefusedError, match="no version of california_housing is live"):
        api.predict(platform.target, model=MODEL, instances=[example(MODEL)])


def test_a_revoked_key_is_refused_at_once(platform: Platform, pool: urllib3.PoolManager) -> None:
    short = client(platform, pool, "short")
    assert short.get("/models").status == 200
    keys.revoke(platform.target, "short")
    assert short.get("/models").problem(403)["detail"] == "Send a valid API key in the header x-api-key."


def test_the_functions_log_the_name_of_a_key(platform: Platform, pool: urllib3.PoolManager) -> None:
    named = client(platform, pool, "named")
    named.get("/models")
    lambda_, logs = (platform.target.client(service) for service in ("lambda", "logs"))
    (function,) = [n for i, n in platform.target.resources("AWS::Lambda::Function").items() if "Platform" in i]
    group = lambda_.get_function_configuration(FunctionName=function)["LoggingConfig"]["LogGroup"]
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        events = logs.filter_log_events(logGroupName=group)["events"]
        callers = [json.loads(e["message"]).get("caller") for e in events if e["message"].startswith("{")]
        if "named" in callers:
            break
        time.sleep(0.2)
    assert "named" in callers
    assert not [event for event in events if str(named.key) in event["message"]]


def test_the_description_runs_no_function(platform: Platform, pool: urllib3.PoolManager) -> None:
    lambda_ = platform.target.client("lambda")
    functions = [n for i, n in platform.target.resources("AWS::Lambda::Function").items() if i.startswith("ApiFunc")]
    for name in functions:
        lambda_.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        page = Client(platform.target.api_url, platform.target.page_key, pool)
        stranger = Client(page.url, None, pool)
        for path, kind in (("/openapi.json", "application/json"), ("/docs", "text/html; charset=utf-8")):
            answer = stranger.get(path)
            assert (answer.status, answer.headers["content-type"]) == (200, kind)
            assert answer.headers["cache-control"] == "public, max-age=300"
            assert PREDICTIONS in answer.body.decode()
            again = pool.request("GET", page.url + path, headers={"If-None-Match": answer.headers["etag"]})
            assert (again.status, again.data) == (304, b"")
        refused = page.get("/models")
        assert refused.problem(503)["detail"] == "The service cannot take this request now. Try again."
        assert refused.headers["retry-after"] == "5"
        assert concurrency(platform.target, needs_of("dev")).state == "bad"
    finally:
        for name in functions:
            lambda_.delete_function_concurrency(FunctionName=name)


def test_an_environment_that_goes_takes_its_keys_along(platform: Platform, pool: urllib3.PoolManager) -> None:
    """Last in this file."""
    client(platform, pool, "left")
    things = [thing.name for thing in teardown.inventory(platform.target, protected=False) if thing.kind == "API key"]
    assert "left" in things
    teardown.destroy(platform.target, protected=False, on_step=lambda _: None)
    gateway = platform.target.client("apigateway")
    assert gateway.get_api_keys()["items"] == gateway.get_usage_plans()["items"] == []
