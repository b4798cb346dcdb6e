"""What a stage gets whose contracts ask for instances and for a multi-model endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from aws_cdk import App
from aws_cdk.assertions import Template as Synthesised
from cdk_nag import AwsSolutionsChecks

import app as application
import contract
from contract import Contract
from stacks import bundles
from stacks.constructs import endpoint_alarms, shared_hosting
from stacks.stage import MlopsStage
from tests.contracts import MODELS
from tests.example import DEV, PROD
from tests.infrastructure.templates import Statement, Template, readable, statements
from tracking import hosting, scaling

SHARED = "mlops-prod-multi-model"


@pytest.fixture(scope="module")
def stages(contracts: dict[str, Contract]) -> Iterator[dict[str, MlopsStage]]:
    """One model with scaled instances of its own, one behind the multi-model endpoint."""
    housing, cancer = contracts["california_housing"], contracts["breast_cancer"]
    own = replace(housing.serving, mode="realtime", min_instances=2, max_instances=4, instance_count=2)
    shared = replace(cancer.serving, mode="realtime", hosting="multi-model")
    changed = {
        "breast_cancer": replace(cancer, serving=shared),
        "california_housing": replace(housing, serving=own),
    }
    with TemporaryDirectory() as staging, TemporaryDirectory() as out:
        app = App(outdir=out, context=application.CONTEXT, builtin_cloud_formation_validation=False)
        packed = bundles.build(Path(staging), models=MODELS)
        yield {config.name: MlopsStage(app, config=config, contracts=changed, bundles=packed) for config in (DEV, PROD)}


@pytest.fixture(scope="module")
def findings(stages: dict[str, MlopsStage]) -> list[str]:
    """Before the synthesis, as in conftest."""
    stack = stages["prod"].node.find_child("Serving")
    return [item.rule_name for item in AwsSolutionsChecks(stages["prod"]).validate_scope(stack).violations]


@pytest.fixture(scope="module")
def prod(stages: dict[str, MlopsStage], findings: list[str]) -> Template:
    del findings
    stack = stages["prod"].node.find_child("Serving")
    return Template(Path("prod-serving"), Synthesised.from_stack(stack).to_json())  # type: ignore[arg-type]


def given(template: Template, mark: str, action: str) -> list[Statement]:
    return [item for item in statements(template) if mark in item.role and action in item.actions]


def test_names_are_those_that_the_functions_use() -> None:
    """The stacks cannot import what the functions share."""
    assert hosting.SHARED == contract.SHARED_ENDPOINT
    assert (f"{hosting.MODELS}*", f"{hosting.LIVE}*") == (shared_hosting.MODELS, shared_hosting.LIVE)
    assert endpoint_alarms.VARIANT == scaling.VARIANT


def test_each_endpoint_on_instances_has_its_alarms(prod: Template) -> None:
    names = {alarm.get("AlarmName") for alarm in prod.of_type("AWS::CloudWatch::Alarm").values()}
    watched = {f"{name}-{what}" for name in ("mlops-prod-california-housing", SHARED) for what in ("5xx", "latency")}
    own = {f"mlops-prod-breast-cancer-{what}" for what in ("5xx", "latency")}
    assert watched <= names
    assert not own & names


def test_functions_reach_the_shared_endpoint_and_its_objects_only(prod: Template) -> None:
    for mark in ("Predict", "VerifyDeployment"):
        invoked = [name for item in given(prod, mark, "sagemaker:InvokeEndpoint") for name in item.resources]
        assert any(name.endswith(f":endpoint/{SHARED}") for name in invoked), mark
    read = {key.partition("/")[2] for item in given(prod, "PredictRole", "s3:GetObject") for key in item.resources}
    assert read == {"api-keys/*", "multi-model/live/*"}
    written = {key.partition("/")[2] for item in given(prod, "", "s3:PutObject") for key in item.resources}
    assert written == {"multi-model/live/*", "multi-model/models/*"}
    (called,) = given(prod, "DeployModelRole", "lambda:InvokeFunction")
    assert ["VerifyDeployment" in readable(name) for name in called.resources] == [True]


def test_verification_scales_the_endpoints_on_instances(prod: Template) -> None:
    (statement,) = given(prod, "VerifyDeployment", "sagemaker:UpdateEndpointWeightsAndCapacities")
    assert [name.rpartition("/")[2] for name in statement.resources] == ["mlops-prod-california-housing", SHARED]
    (made,) = given(prod, "VerifyDeployment", "iam:CreateServiceLinkedRole")
    assert made.condition == {"StringEquals": {"iam:AWSServiceName": "sagemaker.application-autoscaling.amazonaws.com"}}
    scaled = {"application-autoscaling:service-namespace": "sagemaker"}
    own = {"aws:ResourceTag/project": "mlops", "aws:ResourceTag/stage": "prod"}
    for action in ("DeregisterScalableTarget", "PutScalingPolicy"):
        for item in given(prod, "", f"application-autoscaling:{action}"):
            assert item.condition == {"StringEquals": {**scaled, **own}}
    # What has another environment's tag is not given this one's.
    given_tags = {"aws:RequestTag/project": "mlops", "aws:RequestTag/stage": "prod"}
    (tagging,) = given(prod, "", "application-autoscaling:TagResource")
    assert tagging.condition == {"StringEquals": given_tags, "StringEqualsIfExists": own}
    made, changed = given(prod, "", "application-autoscaling:RegisterScalableTarget")
    assert made.condition == {"StringEquals": {**given_tags, **scaled}, "StringEqualsIfExists": own}
    assert changed.condition == {"StringEquals": {**scaled, **own}}


def test_the_container_is_told_its_code_and_image(prod: Template) -> None:
    (function,) = [
        item for name, item in prod.of_type("AWS::Lambda::Function").items() if name.startswith("DeployModel")
    ]
    variables = {name: readable(value) for name, value in function["Environment"]["Variables"].items()}
    assert "SERVING_MODE" not in variables
    assert variables["SHARED_IMAGE"].endswith("/sagemaker-xgboost:3.2-0")
    assert variables["SHARED_CODE_URI"].startswith("s3://")
    assert variables["SHARED_CODE_URI"].endswith(".gz")
    rule = next(item for name, item in prod.of_type("AWS::Events::Rule").items() if "EndpointChanged" in name)
    assert SHARED in rule["EventPattern"]["detail"]["EndpointName"]


def test_cdk_nag_has_no_open_finding(findings: list[str]) -> None:
    assert findings == []


def test_a_serverless_stage_shares_nothing(stages: dict[str, MlopsStage], findings: list[str]) -> None:
    """What costs nothing while nobody asks has nothing to share."""
    del findings
    document = Synthesised.from_stack(stages["dev"].node.find_child("Serving")).to_json()  # type: ignore[arg-type]
    assert "multi-model" not in str(document)
    alarms = Template(Path("dev-serving"), document).of_type("AWS::CloudWatch::Alarm").values()
    names = [alarm["AlarmName"] for alarm in alarms]
    assert [name for name in names if "multi-model" in name] == []
    assert "mlops-dev-breast-cancer-5xx" in names
