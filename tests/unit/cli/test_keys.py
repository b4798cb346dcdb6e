"""`mlops keys` and `mlops doctor` against the local cloud: what they make, list, refuse and leave behind."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import pytest
from typer.testing import CliRunner

from cli import access, doctor, keys
from cli import target as targets
from cli.doctor import concurrency
from cli.errors import CliError
from cli.main import app
from cli.needs import Needs
from localcloud.host import LocalCloud
from tests.unit.localcloud.gaps.support import allow, deploy, function, new_cloud, role
from tests.unit.localcloud.gaps.test_rest_api import API, method, part, resource
from tracking.callers import Caller, record_of

STACK = "mlops-dev-serving"
NEEDS = Needs("dev", ("us-east-1",), None, 6, "hnb659fds", reserved={}, event_log=False, quotas=())


def resources() -> dict[str, Any]:
    logs = allow(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"])
    stage = {"ApiId": {"Ref": "Api"}, "Stage": {"Ref": "Stage"}}
    found: dict[str, Any] = {
        "Role": role("lambda", logs),
        "Predict01234567": function("def handler(event, context): return {'statusCode': 200}"),
        "Bucket": {"Type": "AWS::S3::Bucket"},
        "Api": resource("RestApi", Name="own"),
        "Path": part("predict"),
        "Post": method("Path", "Predict01234567", ApiKeyRequired=True),
        "Deployment": resource("Deployment", **API, after=["Post"]),
        "Stage": resource("Stage", **API, StageName="v1", DeploymentId={"Ref": "Deployment"}),
    }
    for name in ("Page", "Cli"):
        limits = {"Throttle": {"RateLimit": 10, "BurstLimit": 20}, "Quota": {"Limit": 10_000, "Period": "DAY"}}
        found |= {
            f"{name}Key": resource("ApiKey", Enabled=True),
            f"{name}Plan": resource("UsagePlan", ApiStages=[stage], **limits),
            f"{name}Joined": resource(
                "UsagePlanKey", KeyId={"Ref": f"{name}Key"}, KeyType="API_KEY", UsagePlanId={"Ref": f"{name}Plan"}
            ),
        }
    return found


class Own(targets.Target):
    """An environment of one stack."""

    found: Mapping[str, str]

    @cached_property
    def _outputs(self) -> Mapping[str, str]:
        return self.found

    def resources(self, kind: str) -> dict[str, str]:
        pages = self.client("cloudformation").list_stack_resources(StackName=STACK)["StackResourceSummaries"]
        return {item["LogicalResourceId"]: item["PhysicalResourceId"] for item in pages if item["ResourceType"] == kind}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with new_cloud(tmp_path_factory.mktemp("keys")) as started:
        yield started


@pytest.fixture(scope="module")
def outputs(cloud: LocalCloud) -> dict[str, str]:
    made = deploy(cloud, STACK, resources())
    return {
        "ApiKeyId": made["PageKey"],
        "CliKeyId": made["CliKey"],
        "ArtifactBucketName": made["Bucket"],
        "ModelNames": "california_housing,breast_cancer",
        "Api": made["Api"],
        "Function": made["Predict01234567"],
    }


@pytest.fixture
def target(cloud: LocalCloud, outputs: dict[str, str]) -> Iterator[Own]:
    found = Own(stage="dev", session=cloud.session(), endpoint=cloud.endpoint)
    object.__setattr__(found, "found", outputs)
    yield found
    for name in keys.names(found):
        keys.remove(found, name)


@pytest.fixture
def mlops(target: Own, monkeypatch: pytest.MonkeyPatch) -> Any:
    for module in (access, doctor):
        monkeypatch.setattr(module, "find_target", lambda **_: target)
    monkeypatch.setattr(doctor, "needs_of", lambda _: NEEDS)

    def run(*arguments: str, code: int = 0) -> str:
        result = CliRunner().invoke(app, [*arguments])
        assert result.exit_code == code, result.output
        return result.stdout

    return run


def test_a_new_key_has_limits_and_a_record_of_its_own(target: Own, mlops: Any, outputs: dict[str, str]) -> None:
    made = json.loads(mlops("keys", "create", "app-1", "--models", "breast_cancer", "--predict-only", "--json"))
    assert len(made.pop("value")) >= 20
    assert made == {
        "name": "app-1",
        "id": made["id"],
        "models": ["breast_cancer"],
        "use": "predict",
        "requests_per_second": 10,
        "requests_per_day": 10_000,
        "made_by": "mlops keys",
        "works": True,
    }
    gateway = target.client("apigateway")
    [plan] = gateway.get_usage_plans(keyId=made["id"])["items"]
    assert (plan["quota"], plan["throttle"]) == (
        {"limit": 10_000, "period": "DAY"},
        {"rateLimit": 10, "burstLimit": 20},
    )
    assert plan["apiStages"] == [{"apiId": outputs["Api"], "stage": "v1"}]
    assert plan["tags"] == {"project": "mlops", "stage": "dev", "key": "app-1"}
    record = target.client("s3").get_object(Bucket=outputs["ArtifactBucketName"], Key=record_of(made["id"]))
    assert Caller.from_json(record["Body"].read().decode()) == Caller("app-1", ("breast_cancer",), "predict")


def test_limits_may_be_others(target: Own, mlops: Any) -> None:
    mlops("keys", "create", "slow", "--per-second", "1", "--per-day", "5")
    [key] = [key for key in keys.listed(target) if key.name == "slow"]
    assert key.limits == keys.Limits(1, 2, 5)


def test_the_value_is_alone_on_stdout_and_never_listed(target: Own, mlops: Any) -> None:
    value = mlops("keys", "create", "app-2").strip()
    assert (
        value
        == target.client("apigateway").get_api_keys(includeValues=True, nameQuery="mlops-dev-key-app-2")["items"][0][
            "value"
        ]
    )
    text, document = mlops("keys", "list"), json.loads(mlops("keys", "list", "--json"))
    assert value not in text + json.dumps(document)
    assert [(key["name"], key["made_by"]) for key in document["keys"]] == [
        ("page", "deployment"),
        ("cli", "deployment"),
        ("app-2", "mlops keys"),
    ]
    assert all(key["id"] in text for key in document["keys"])


def test_revoke_leaves_nothing(target: Own, mlops: Any, outputs: dict[str, str]) -> None:
    made = json.loads(mlops("keys", "create", "gone", "--json"))
    assert json.loads(mlops("keys", "revoke", "gone", "--json")) == {"revoked": "gone"}

    assert keys.names(target) == []
    bucket = target.client("s3").list_objects_v2(Bucket=outputs["ArtifactBucketName"], Prefix=record_of(made["id"]))
    assert bucket["KeyCount"] == 0
    assert len(target.client("apigateway").get_usage_plans()["items"]) == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("create", "page"), "There is a key page already."),
        (("create", "App 1"), "'App 1' is no name for a key."),
        (("create", "a", "--models", "nothing"), "There is no model 'nothing' in dev."),
        (("create", "a", "--read-only", "--predict-only"), "A key is --read-only or --predict-only."),
        (("revoke", "cli"), "The key cli belongs to the deployment."),
        (("revoke", "nobody"), "There is no key nobody in dev."),
    ],
)
def test_what_cannot_be_is_told(target: Own, mlops: Any, arguments: tuple[str, ...], told: str) -> None:
    document = json.loads(mlops("keys", *arguments, "--json", code=1))
    assert document["error"] == told
    assert document["hint"]
    assert keys.names(target) == []


def test_a_key_that_is_half_made_goes_again(target: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target.client("apigateway"), "create_usage_plan_key", lambda **_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        keys.create(target, "half", models=None, use=None, per_second=None, per_day=None)
    assert keys.names(target) == []


def test_a_key_without_record_or_plan_is_listed_as_for_nothing(target: Own, outputs: dict[str, str]) -> None:
    made = keys.create(target, "odd", models=None, use=None, per_second=None, per_day=None)
    target.client("s3").delete_object(Bucket=outputs["ArtifactBucketName"], Key=record_of(made.key.key_id))
    [odd] = [key for key in keys.listed(target) if key.name == "odd"]
    assert (odd.caller, odd.to_json()["works"]) == (None, False)


def test_other_environments_are_left_alone(target: Own, cloud: LocalCloud, outputs: dict[str, str]) -> None:
    other = Own(stage="dev2", session=cloud.session(), endpoint=cloud.endpoint)
    object.__setattr__(other, "found", outputs)
    keys.create(target, "mine", models=None, use=None, per_second=None, per_day=None)
    assert keys.names(other) == []
    assert not keys.remove(other, "mine")
    assert keys.names(target) == ["mine"]


def test_where_callers_sign_there_are_no_keys(target: Own) -> None:
    object.__setattr__(target, "found", {})
    for call in (lambda: keys.listed(target), lambda: keys.revoke(target, "a")):
        with pytest.raises(CliError, match="its callers sign with IAM"):
            call()
    object.__setattr__(target, "found", {"ArtifactBucketName": "b"})


def test_the_doctor_says_what_may_be_reserved(target: Own, mlops: Any, outputs: dict[str, str]) -> None:
    finding = concurrency(target, NEEDS)
    assert (finding.state, "Up to 900 can be reserved" in finding.advice) == ("note", True)
    target.client("ssm").put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="28", Type="String")
    target.client("lambda").put_function_concurrency(FunctionName=outputs["Function"], ReservedConcurrentExecutions=5)
    assert concurrency(target, NEEDS).state == "good"
    assert "this environment reserves 5 for Predict" in mlops("doctor")
    target.client("lambda").put_function_concurrency(FunctionName=outputs["Function"], ReservedConcurrentExecutions=0)
    findings = json.loads(mlops("doctor", "--json", code=1))["findings"]
    assert [item["check"] for item in findings if item["state"] == "bad"] == ["concurrency"]
    target.client("lambda").delete_function_concurrency(FunctionName=outputs["Function"])


class Account:
    """Lambda of an account with so many executions."""

    def __init__(self, most: int, free: int) -> None:
        self.limits = {"ConcurrentExecutions": most, "UnreservedConcurrentExecutions": free}

    def get_account_settings(self) -> dict[str, Any]:
        return {"AccountLimit": self.limits}

    def get_function_concurrency(self, **_: str) -> dict[str, int]:
        return {}


@pytest.mark.parametrize(
    ("most", "free", "state", "advice"),
    [
        (10, 10, "bad", "L-B99A9384"),
        (100, 100, "note", "Nothing more can be reserved"),
        (1000, 100, "note", "Nothing more can be reserved"),
        (1000, 950, "note", "Up to 850 can be reserved"),
    ],
)
def test_an_account_with_few_executions_is_told_what_to_ask_for(
    target: Own, monkeypatch: pytest.MonkeyPatch, most: int, free: int, state: str, advice: str
) -> None:
    known = target.client
    monkeypatch.setattr(
        targets.Target, "client", lambda _, name: Account(most, free) if name == "lambda" else known(name)
    )
    finding = concurrency(target, NEEDS)
    assert (finding.state, advice in finding.advice) == (state, True)
