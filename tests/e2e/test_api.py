"""The REST API through the gateway: who may call, what it refuses and how, and what it answers."""

from __future__ import annotations

import io
import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import schemathesis
import urllib3
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS

from tests.e2e.conftest import MODEL, Platform
from tests.e2e.malformed import CASES, Malformed
from tests.records import example
from tracking.callers import Caller, record_of

PREDICTIONS = f"/models/{MODEL}/predictions"
SENT = json.dumps({"instances": [example(MODEL)]}).encode()


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Any
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    def problem(self, status: int) -> dict[str, Any]:
        """After what every problem has in common is checked."""
        assert (self.status, self.headers["content-type"]) == (status, "application/problem+json"), self.body[:500]
        document = self.document
        assert (document["type"], document["status"]) == ("about:blank", status)
        assert document["title"]
        assert document["detail"]
        assert document["request_id"]
        return document


@dataclass(frozen=True)
class Client:
    """A caller with a key."""

    url: str
    key: str | None
    pool: urllib3.PoolManager

    def get(self, path: str) -> Answer:
        return self.send("GET", path)

    def post(self, body: bytes = SENT, *, query: str = "", kind: str | None = "application/json") -> Answer:
        return self.send("POST", PREDICTIONS + query, body=body, kind=kind)

    def send(self, method: str, path: str, *, body: bytes | None = None, kind: str | None = None) -> Answer:
        headers = {"x-api-key": self.key} if self.key else {}
        headers |= {"content-type": kind} if kind else {}
        found = self.pool.request(method, self.url + path, body=body, headers=headers)
        return Answer(found.status, found.headers, found.data)


def with_key(platform: Platform, pool: urllib3.PoolManager, name: str, **limits: Any) -> Client:
    """A key of a usage plan of its own."""
    gateway, url = platform.target.client("apigateway"), platform.target.api_url
    api, stage = url.split("/")[-2:]
    key = gateway.create_api_key(name=name, enabled=True)
    plan = gateway.create_usage_plan(name=name, apiStages=[{"apiId": api, "stage": stage}], **limits)
    gateway.create_usage_plan_key(usagePlanId=plan["id"], keyId=key["id"], keyType="API_KEY")
    bucket, record = platform.target.output("ArtifactBucketName"), Caller(name).to_json()
    platform.target.client("s3").put_object(Bucket=bucket, Key=record_of(key["id"]), Body=record)
    return Client(url, key["value"], pool)


@pytest.fixture(scope="module")
def pool() -> Iterator[urllib3.PoolManager]:
    with urllib3.PoolManager(retries=False, timeout=60.0, maxsize=4) as pool:
        yield pool


@pytest.fixture(scope="module")
def client(platform: Platform, pool: urllib3.PoolManager) -> Client:
    """Not throttled: these tests send in seconds what a client may send in a minute."""
    api, stage = platform.target.api_url.split("/")[-2:]
    limits = (("rateLimit", "10000"), ("burstLimit", "5000"))
    changes = [{"op": "replace", "path": f"/*/*/throttling/{name}", "value": value} for name, value in limits]
    platform.target.client("apigateway").update_stage(restApiId=api, stageName=stage, patchOperations=changes)
    return with_key(platform, pool, "tests", throttle={"rateLimit": 10_000.0, "burstLimit": 5000})


# Rows that are rejected.
BAD = ("too,few", "also,too,few")


@pytest.fixture(scope="module")
def run_id(platform: Platform, client: Client, housing: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The run whose version is live."""
    header, *lines = housing.read_text().splitlines()
    file = tmp_path_factory.mktemp("api") / "api.csv"
    file.write_text("\n".join([header, *random.Random(401).sample(lines, 3000), *BAD]) + "\n")
    run = platform.run(file)
    assert run.state == "live", run.reason
    return run.run_id


# Without a live model.


def test_there_are_more_than_a_hundred_of_them() -> None:
    assert len({case.body + str(case.kind).encode() + case.query.encode() for case in CASES}) > 100


@pytest.mark.parametrize("key", [None, "", "not-a-key-of-anybody"])
def test_without_a_key_nothing_is_answered(client: Client, key: str | None) -> None:
    stranger = Client(client.url, key, client.pool)
    for answer in (stranger.get("/models"), stranger.get(f"/models/{MODEL}/runs"), stranger.post()):
        assert answer.problem(403)["detail"] == "Send a valid API key in the header x-api-key."


def test_the_description_needs_no_key(client: Client) -> None:
    stranger = Client(client.url, None, client.pool)
    assert stranger.get("/openapi.json").document["openapi"] == "3.1.0"
    page = stranger.get("/docs")
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert PREDICTIONS in page.body.decode()


def test_over_the_quota_is_429(platform: Platform, client: Client) -> None:
    few = with_key(platform, client.pool, "quota", quota={"limit": 2, "period": "DAY"})
    assert [few.get("/models").status for _ in range(2)] == [200, 200]
    assert few.get("/models").problem(429)["detail"] == "The requests of today are used up."
    assert few.post().problem(429)


def test_too_many_at_once_is_429(platform: Platform, client: Client) -> None:
    slow = with_key(platform, client.pool, "slow", throttle={"rateLimit": 0.01, "burstLimit": 1})
    assert slow.get("/models").status == 200
    assert slow.get("/models").problem(429)["detail"] == "Too many requests at once. Try again in a moment."


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/models/unknown"),
        ("POST", "/models/unknown/predictions"),
        ("GET", PREDICTIONS),
        ("DELETE", f"/models/{MODEL}"),
        ("OPTIONS", PREDICTIONS),
        ("GET", f"/models/{MODEL}/runs/../../../x"),
    ],
)
def test_unknown_paths_and_methods_are_not_found(client: Client, method: str, path: str) -> None:
    answer = client.send(method, path, body=SENT if method == "POST" else None)
    assert answer.problem(404)["detail"] == "There is no such model, path or method."


def test_no_page_of_another_origin_may_read(client: Client) -> None:
    headers = {"origin": "https://evil.example", "x-api-key": client.key or ""}
    found = client.pool.request("GET", f"{client.url}/models", headers=headers)
    assert found.status == 200
    assert not [name for name in found.headers if name.lower().startswith("access-control")]


# With a live model.


def test_predictions_are_explained_and_have_an_interval(client: Client, run_id: str) -> None:
    answer = client.post(json.dumps({"instances": [example(MODEL)] * 50}).encode(), query="?explain=true")
    assert answer.status == 200, answer.body
    predictions = answer.document["predictions"]
    assert len(predictions) == 50
    first = predictions[0]
    explanation, held = first["explanation"], first["interval"]
    total = explanation["base"] + sum(part["contribution"] for part in explanation["contributions"])
    assert total == pytest.approx(first["value"], rel=1e-3)
    assert held["low"] < first["value"] < held["high"]
    assert "explanation" not in client.post().document["predictions"][0]


def test_500_instances_are_answered(client: Client, run_id: str) -> None:
    answer = client.post(json.dumps({"instances": [example(MODEL)] * 500}).encode())
    assert len(answer.document["predictions"]) == 500


def test_what_is_live_and_where_it_comes_from(client: Client, run_id: str) -> None:
    live = client.get(f"/models/{MODEL}").document["live"]
    assert live["run_id"] == run_id
    version = client.get(f"/models/{MODEL}/versions/{live['version']}").document
    assert (version["live"], version["lineage"]["run_id"]) == (True, run_id)
    assert version["metric"] == live["metric"]
    plot = client.pool.request("GET", version["plots"][0]["url"])
    assert (plot.status, plot.data[:4]) == (200, b"\x89PNG")
    assert client.pool.request("GET", version["report_url"]).data.startswith(b"<!doctype html>")
    run = client.get(f"/models/{MODEL}/runs/{run_id}").document
    assert (run["state"], run["model_version"]) == ("live", live["version"])
    logs = {step["name"]: step["log"] for step in run["steps"]}
    assert any("trained" in line for line in logs["Train"])
    assert run["evaluation"]["value"] == pytest.approx(live["metric"]["value"])


def test_the_rows_of_a_run_are_told_and_led_to(client: Client, run_id: str) -> None:
    path = f"/models/{MODEL}/runs/{run_id}"
    books = client.get(path).document["books"]
    assert books["balanced"]
    assert books["sentence"].startswith("3,002 rows read = 2 rejected + ")
    assert [(reason["kind"], reason["rows"]) for reason in books["reasons"]] == [("field count", 2)]
    first = client.get(f"{path}/rejects?limit=1").document
    assert ([item["row"] for item in first["rejects"]], first["after"]) == ([BAD[0]], 3002)
    rest = client.get(f"{path}/rejects?after={first['after']}").document
    assert ([item["row"] for item in rest["rejects"]], rest["after"]) == ([BAD[1]], None)
    data = client.get(f"{path}/data").document
    parts = [client.pool.request("GET", file["url"]) for file in data["files"]]
    assert {(part.status, part.data[:4]) for part in parts} == {(200, b"PAR1")}
    assert 'filename="test-1.parquet"' in parts[0].headers["content-disposition"]
    assert sum(pq.read_metadata(io.BytesIO(part.data)).num_rows for part in parts) == data["rows"]


def test_invocations_are_monitored(client: Client, run_id: str) -> None:
    client.post()
    deadline = time.monotonic() + 10
    while True:
        found = client.get(f"/models/{MODEL}/monitoring?hours=1").document
        metrics = {metric["name"]: metric["points"] for metric in found["metrics"]}
        if metrics["Invocations"] or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    assert sum(value for _, value in metrics["Invocations"]) >= 1
    assert all(value > 0 for _, value in metrics["ModelLatency"])
    assert (found["endpoint"]["status"], found["endpoint"]["mode"]) == ("InService", "serverless")


def test_nothing_was_denied(platform: Platform, client: Client, run_id: str) -> None:
    """After every path was asked for: the functions have the grants that they need."""
    for path in client.get("/openapi.json").document["paths"]:
        if not path.endswith("/predictions"):
            client.get(path.replace("{run_id}", run_id).replace("{version}", "1"))
    denied = [call for call in platform.here.cloud.calls()["denied"] if "ApiFunctions" in call["role"]]
    assert denied == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_malformed_request_is_a_problem_that_names_the_field(client: Client, run_id: str, case: Malformed) -> None:
    document = client.post(case.body, query=case.query, kind=case.kind).problem(case.status)
    if case.field is not None:
        named = [error["field"] for error in document.get("errors", [])]
        assert case.field in named or (case.field == "instances" and "instances" in document["detail"]), document
    instances = [error["instance"] for error in document.get("errors", [])]
    assert case.name != "the third of three" or instances == [2]


def test_a_long_refusal_is_told_whole(client: Client, run_id: str) -> None:
    """Beside an error SageMaker passes on 2,048 characters of what a container says."""
    document = client.post(json.dumps({"instances": [{}] * 30}).encode()).problem(400)
    assert len(document["errors"]) == 100
    assert document["detail"].startswith("At least 100 invalid values; the first: instance 0, longitude: is missing")
    assert document["model_version"]


CHECKED = (
    *("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance"),
    *("negative_data_rejection", "positive_data_acceptance", "ignored_auth"),
)


# Which features an instance has, the live version says and not the description: it takes those of any version.
WIDER = "positive_data_acceptance"


def ask_often(client: Client, operation: Any, mode: GenerationMode) -> int:
    """A few requests, the same ones each time, each of which is checked; returns how many."""
    names = [name for name in CHECKED if name != WIDER or not operation.label.endswith("/predictions")]
    checks = [CHECKS.get_one(name) for name in names]
    ask: Callable[..., Any] = settings(
        max_examples=5,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    asked = 0

    @ask
    @given(case=operation.as_strategy(generation_mode=mode))
    def send(case: Any) -> None:
        nonlocal asked
        asked += 1
        case.call_and_validate(base_url=client.url, headers={"x-api-key": client.key}, checks=checks)

    send()
    return asked


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=lambda mode: mode.value)
def test_schemathesis_finds_nothing(client: Client, run_id: str, mode: GenerationMode) -> None:
    """The gateway answers 404, not 405, to other verbs."""
    schema = schemathesis.openapi.from_dict(client.get("/openapi.json").document)
    asked = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        # No version of it is live here, and 503 says so.
        if operation.label == "POST /models/breast_cancer/predictions":
            continue
        # Any text is a run or a version that could be: there is nothing to negate.
        if mode is GenerationMode.NEGATIVE and not (list(operation.query) or list(operation.body)):
            continue
        asked += ask_often(client, operation, mode)
    assert asked >= 20
