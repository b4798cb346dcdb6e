"""`mlops doctor`: what it finds in accounts of all kinds, in the order of their trouble."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from typer.testing import CliRunner

from cli import account, doctor
from cli import needs as reading
from cli.errors import CliError
from cli.findings import Finding
from cli.main import app
from cli.needs import Needs, QuotaNeed, needs_of
from cli.quotas import quotas
from cli.target import Target
from localcloud.host import LocalCloud
from tests.unit.localcloud.gaps.support import new_cloud

SERVERLESS = "Maximum total concurrency that can be allocated across all serverless endpoints"
PROCESSING = "ml.m5.large for processing job usage"
NEEDS = Needs(
    stage="dev",
    image_regions=("eu-west-1", "eu-west-9", "me-central-1"),
    serverless_regions=("eu-west-1", "eu-west-9"),
    bootstrap_version=6,
    qualifier="hnb659fds",
    reserved={},
    event_log=True,
    quotas=(
        QuotaNeed("sagemaker", SERVERLESS, least=10, wanted=10, why="a (5), b (5)", shared_with="serverless"),
        QuotaNeed("sagemaker", PROCESSING, least=1, wanted=2, why="one for each of 2"),
    ),
)


def denied(action: str) -> ClientError:
    message = f"User: arn:aws:iam::111122223333:user/me is not authorized to perform: {action}"
    return ClientError({"Error": {"Code": "AccessDeniedException", "Message": message}}, action.partition(":")[2])


@dataclass
class Aws:
    """Answers by operation; an exception is raised."""

    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**request: Any) -> Any:
            self.asked.append((operation, request))
            answer = self.answers[operation]
            answer = answer(**request) if callable(answer) else answer
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call

    def get_paginator(self, operation: str) -> Any:
        aws = self

        class Pages:
            def paginate(self, **request: Any) -> Iterator[Any]:
                yield getattr(aws, operation)(**request)

        return Pages()


ROLE = "arn:aws:iam::111122223333:role/"


def good() -> dict[str, Any]:
    """An account that lacks nothing."""
    listed = [quota(SERVERLESS, "L-96300102", 1000), quota(PROCESSING, "L-8541302D", 4)]
    return {
        "get_caller_identity": {"Account": "111122223333", "Arn": "arn:aws:iam::111122223333:user/me"},
        "get_parameter": {"Parameter": {"Value": "28"}},
        "get_role": lambda RoleName: {"Role": {"Arn": ROLE + RoleName}},  # noqa: N803
        "assume_role": {"Credentials": {}},
        "describe_resource_policies": {"resourcePolicies": [{"policyName": "other"}]},
        "get_account_settings": {
            "AccountLimit": {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 1000}
        },
        "list_endpoints": {"Endpoints": []},
        # Nothing is deployed, and nothing was.
        "describe_stacks": refused("ValidationError", "DescribeStacks"),
        "get_template": refused("ValidationError", "GetTemplate"),
        "list_buckets": {"Buckets": []},
        "list_model_package_groups": {"ModelPackageGroupSummaryList": []},
        "get_database": refused("EntityNotFoundException", "GetDatabase"),
        "list_aws_default_service_quotas": {"Quotas": [quota(PROCESSING, "L-8541302D", 0)]},
        "list_service_quotas": {"Quotas": listed},
    }


def refused(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, operation)


def quota(name: str, code: str, value: float) -> dict[str, Any]:
    return {"QuotaName": name, "QuotaCode": code, "Value": value}


class Undeployed(Target):
    """An environment before its first deployment."""

    aws: Aws

    def client(self, service: str) -> Any:
        return self.aws

    def resources(self, kind: str) -> dict[str, str]:
        raise CliError("Stack mlops-dev-data was not found.")


def target(answers: Mapping[str, Any], *, region: str | None = "eu-west-1") -> Undeployed:
    session = boto3.Session(region_name=region) if region else boto3.Session()
    found = Undeployed(stage="dev", session=session)
    object.__setattr__(found, "aws", Aws({**good(), **answers}))
    return found


@pytest.fixture(autouse=True)
def needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "needs_of", lambda _: NEEDS)
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)


def examined(answers: Mapping[str, Any], **options: Any) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {}
    for finding in doctor.examine(target(answers, **options)):
        found.setdefault(finding.check, []).append(finding)
    return found


def test_an_account_that_lacks_nothing() -> None:
    found = examined({})
    assert list(found) == ["credentials", "region", "bootstrap", "roles", "log policies", "concurrency", "quota"]
    states = {check: {finding.state for finding in findings} for check, findings in found.items()}
    # Nothing is reserved, which is a note.
    assert states == {check: {"good"} for check in found} | {"concurrency": {"note"}}
    assert found["credentials"][0].told == "account 111122223333, as arn:aws:iam::111122223333:user/me"


def test_data_that_no_stack_has_are_told_before_a_deployment_fails_on_them() -> None:
    left = {"ModelPackageGroupSummaryList": [{"ModelPackageGroupName": "mlops-dev-houses"}]}
    (finding,) = examined({"list_model_package_groups": left})["retained data"]
    assert finding.state == "bad"
    assert finding.told == "An earlier deployment of dev left what is in no stack: mlops-dev-houses"
    assert finding.advice == "Take them up before you deploy: mlops retained --env dev"


@pytest.mark.parametrize("error", [NoCredentialsError(), denied("sts:GetCallerIdentity")])
def test_nothing_more_is_asked_without_credentials(error: Exception) -> None:
    found = examined({"get_caller_identity": error})
    assert [finding.state for finding in found["credentials"]] == ["bad"]
    assert list(found) == ["credentials"]


def test_a_region_has_to_be_chosen(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    found = examined({}, region=None)
    assert list(found) == ["region"]
    assert found["region"][0].advice == "Choose one: export AWS_DEFAULT_REGION=eu-west-1"


def test_a_region_without_serverless_endpoints() -> None:
    (finding,) = examined({}, region="me-central-1")["region"]
    assert (finding.state, finding.told) == ("bad", "SageMaker has no serverless endpoints in me-central-1")
    assert 'serving_mode="realtime"' in finding.advice
    realtime = replace(NEEDS, serverless_regions=None)
    (finding,) = account.region(target({}, region="me-central-1"), realtime)
    assert finding.state == "good"


def test_a_region_without_the_image_or_a_service() -> None:
    (finding,) = examined({}, region="eu-west-2")["region"]
    assert (finding.state, finding.advice) == ("bad", "Use one of eu-west-1, eu-west-9, me-central-1.")
    (finding,) = examined({}, region="eu-west-9")["region"]
    assert finding.state == "bad"
    assert "lacks apigateway, " in finding.told


@pytest.mark.parametrize(
    ("answer", "state", "told"),
    [
        ({"Parameter": {"Value": "5"}}, "bad", "version 5 with the qualifier hnb659fds, at least 6 needed"),
        ({"Parameter": {"Value": "v28"}}, "bad", "version v28 with the qualifier hnb659fds, at least 6 needed"),
        (
            ClientError({"Error": {"Code": "ParameterNotFound", "Message": ""}}, "GetParameter"),
            "bad",
            "The CDK was never bootstrapped here: there is no /cdk-bootstrap/hnb659fds/version",
        ),
        (denied("ssm:GetParameter"), "unknown", "The parameter /cdk-bootstrap/hnb659fds/version could not be read: "),
    ],
)
def test_the_bootstrap_of_the_cdk(answer: Any, state: str, told: str) -> None:
    (finding,) = examined({"get_parameter": answer})["bootstrap"]
    assert (finding.state, finding.told.startswith(told)) == (state, True)
    assert finding.advice == (
        "Run: ./dev cdk bootstrap" if state == "bad" else "Allow ssm:GetParameter, or look for yourself."
    )


def test_roles_of_the_deployment() -> None:
    gone = ClientError({"Error": {"Code": "NoSuchEntity", "Message": ""}}, "GetRole")
    deploy, publish, execute = examined({})["roles"]
    assert deploy.told == "cdk-hnb659fds-deploy-role-111122223333-eu-west-1 is there, and you may act as it"
    assert (publish.state, execute.told.endswith("is there")) == ("good", True)
    assert [finding.state for finding in examined({"get_role": gone})["roles"]] == ["bad"] * 3
    assert [finding.state for finding in examined({"get_role": denied("iam:GetRole")})["roles"]] == ["unknown"] * 3
    deploy, *_ = examined({"assume_role": denied("sts:AssumeRole")})["roles"]
    assert (deploy.state, deploy.told.endswith("you may not act as it")) == ("note", True)


def test_an_account_may_have_no_log_policy_left() -> None:
    others = [{"policyName": f"other-{number}"} for number in range(10)]
    (finding,) = examined({"describe_resource_policies": {"resourcePolicies": others}})["log policies"]
    assert (finding.state, "and dev needs one" in finding.told) == ("bad", True)
    own = [*others[1:], {"policyName": "mlops-dev-alerts"}]
    (finding,) = examined({"describe_resource_policies": {"resourcePolicies": own}})["log policies"]
    assert finding.state == "good"
    assert list(account.log_policies(target({}), replace(NEEDS, event_log=False))) == []


def test_a_quota_that_is_too_small_is_told_with_all_that_asking_takes() -> None:
    few = [quota(SERVERLESS, "L-96300102", 5), quota(PROCESSING.upper(), "L-8541302D", 1)]
    serverless, processing = examined({"list_service_quotas": {"Quotas": few}})["quota"]
    assert serverless.state == "bad"
    assert serverless.told == f"{SERVERLESS} (L-96300102, sagemaker): 5, needed 10: a (5), b (5)"
    page = "https://eu-west-1.console.aws.amazon.com/servicequotas/home/services/sagemaker/quotas/L-96300102"
    command = (
        "aws service-quotas request-service-quota-increase --service-code sagemaker --quota-code L-96300102 "
        "--desired-value 10 --region eu-west-1"
    )
    assert serverless.advice == f"Ask for 10 at {page} or: {command}"
    # One at a time works; two at once wait for each other, and may give up.
    assert (processing.state, processing.quota and processing.quota.ask) == ("note", 2)


def test_a_quota_that_was_never_raised_stands_among_the_defaults() -> None:
    raised = [quota(SERVERLESS, "L-96300102", 10)]
    _, processing = examined({"list_service_quotas": {"Quotas": raised}})["quota"]
    assert (processing.state, processing.quota and processing.quota.value) == ("bad", 0.0)
    both = {"list_service_quotas": {"Quotas": []}, "list_aws_default_service_quotas": {"Quotas": raised}}
    serverless, processing = examined(both)["quota"]
    assert (serverless.state, processing.state) == ("good", "unknown")


@pytest.mark.parametrize(
    "operation",
    ["list_service_quotas", "list_aws_default_service_quotas", "list_endpoints", "describe_resource_policies"],
)
def test_what_may_not_be_read_is_told_and_the_rest_goes_on(operation: str) -> None:
    found = [finding for findings in examined({operation: denied("x:Y")}).values() for finding in findings]
    (finding,) = [finding for finding in found if finding.state == "unknown"]
    assert "is not authorized to perform: x:Y" in finding.told
    assert finding.advice.startswith("Allow ")
    assert [finding.check for finding in found if finding.state == "bad"] == []


def test_no_answer_of_a_service_is_told_too() -> None:
    error = EndpointConnectionError(endpoint_url="https://lambda.eu-west-1.amazonaws.com")
    (finding,) = examined({"get_account_settings": error})["concurrency"]
    assert (finding.state, "lambda.eu-west-1" in finding.told) == ("unknown", True)


def test_what_others_have_of_a_quota_is_counted() -> None:
    """Two of another environment, and one of this one, which is what it needs anyway."""
    configs: dict[str, dict[str, Any]] = {
        "mlops-prod-a": {"VariantName": "v", "ServerlessConfig": {"MaxConcurrency": 20}},
        "other": {"VariantName": "v", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1},
        "mlops-dev-a": {"VariantName": "v", "ServerlessConfig": {"MaxConcurrency": 5}},
    }
    running = [{"VariantName": "v", "CurrentInstanceCount": 3}]
    answers = {
        "list_endpoints": {"Endpoints": [{"EndpointName": name} for name in configs]},
        "describe_endpoint": lambda EndpointName: {  # noqa: N803
            "EndpointConfigName": EndpointName,
            "ProductionVariants": running,
        },
        "describe_endpoint_config": lambda EndpointConfigName: {"ProductionVariants": [configs[EndpointConfigName]]},  # noqa: N803
        "list_service_quotas": {
            "Quotas": [quota(SERVERLESS, "L-96300102", 25), quota("ml.m5.large for endpoint usage", "L-1", 4)]
        },
    }
    instances = QuotaNeed("sagemaker", "ml.m5.large for endpoint usage", 1, 2, "an update", shared_with="ml.m5.large")
    needs = replace(NEEDS, quotas=(NEEDS.quotas[0], instances))
    serverless, endpoints = quotas(target(answers), needs)
    assert (serverless.state, serverless.told.endswith(", and other endpoints have 20 of it")) == ("bad", True)
    assert serverless.quota is not None and serverless.quota.ask == 30
    assert (endpoints.state, endpoints.quota and endpoints.quota.needed) == ("note", 5)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    def run(answers: Mapping[str, Any], *arguments: str) -> Any:
        monkeypatch.setattr(doctor, "find_target", lambda **_: target(answers))
        return CliRunner().invoke(app, ["doctor", *arguments])

    return run


def test_the_command_ends_with_what_is_bad(command: Callable[..., Any]) -> None:
    done = command({})
    assert (done.exit_code, done.stdout.splitlines()[1].startswith("ok   region: eu-west-1 has")) == (0, True)
    done = command({"get_parameter": {"Parameter": {"Value": "1"}}})
    assert done.exit_code == 1
    assert "error: To be mended: bootstrap." in done.output
    done = command({"list_service_quotas": denied("servicequotas:ListServiceQuotas")})
    assert (done.exit_code, "?    quota: The quotas of sagemaker could not be read" in done.stdout) == (0, True)


def test_as_json(command: Callable[..., Any]) -> None:
    done = command({"list_service_quotas": {"Quotas": []}}, "--json")
    assert done.exit_code == 1
    findings = json.loads(done.stdout)["findings"]
    (processing,) = [item["quota"] for item in findings if item["quota"]]
    assert processing == {
        "service": "sagemaker",
        "name": PROCESSING,
        "code": "L-8541302D",
        "value": 0.0,
        "needed": 2,
        "ask": 2,
        "url": "https://eu-west-1.console.aws.amazon.com/servicequotas/home/services/sagemaker/quotas/L-8541302D",
    }


def test_the_needs_of_the_configuration_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    found = needs_of("dev")
    assert (found.stage, len(found.image_regions), len(found.serverless_regions or ())) == ("dev", 37, 21)
    assert {need.service for need in found.quotas} == {"glue", "sagemaker"}
    with pytest.raises(CliError, match="there is no environment 'nowhere': use dev, prod"):
        needs_of("nowhere")
    monkeypatch.setattr(reading.sys, "executable", "false")
    with pytest.raises(CliError, match=r"What dev needs cannot be told: stacks\.needs failed"):
        needs_of("dev")


def test_the_local_cloud_lacks_nothing(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "needs_of", needs_of)
    with new_cloud(tmp_path) as cloud:
        here = Target(stage="dev", session=cloud.session(), endpoint=cloud.endpoint)
        here.client("ssm").put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="28", Type="String")
        found = list(doctor.examine(here))
        limits = _limits(cloud)
    assert [finding for finding in found if finding.state in ("bad", "unknown")] == []
    assert len([finding for finding in found if finding.check == "quota"]) == 6
    assert limits == 1000.0


def _limits(cloud: LocalCloud) -> float:
    client = cloud.client("service-quotas")
    with pytest.raises(ClientError, match="NoSuchResourceException"):
        client.get_service_quota(ServiceCode="sagemaker", QuotaCode="L-00000000")
    with pytest.raises(ClientError, match="NoSuchResourceException"):
        client.list_service_quotas(ServiceCode="ec2")
    found: float = client.get_service_quota(ServiceCode="lambda", QuotaCode="L-B99A9384")["Quota"]["Value"]
    return found
