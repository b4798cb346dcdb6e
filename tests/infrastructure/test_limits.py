"""How many models an environment takes: few are listed, many share, and too many are told before AWS does."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stacks import bundles, limits
from tests.contracts import MODELS, REAL
from tests.example import PROD
from tests.infrastructure.synthesis import Synthesis, synthesised
from tests.infrastructure.templates import Template, readable, statements

MANY = replace(PROD, many_models=True)
APP = """
import pathlib, sys
from dataclasses import replace
import app
from tests.example import PROD
app.main(pathlib.Path(sys.argv[1]), None, (replace(PROD, many_models=sys.argv[2] == "many"),))
"""


def models(folder: Path, count: int) -> Path:
    """So many models, all alike but for their names, of the longest that there may be."""
    text = (REAL / "churn" / "model.toml").read_text()
    for number in range(count):
        name = f"forecast_of_some_thing_or_other_{number:03}"
        (folder / name).mkdir(parents=True)
        (folder / name / "model.toml").write_text(text.replace('name = "churn"', f'name = "{name}"', 1))
    return folder


def run_app(folder: Path, *, mode: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "CDK_OUTDIR": str(folder.parent / "out"), "CODE_COMMIT": "unknown"}
    command = [sys.executable, "-c", APP, str(folder), mode]
    return subprocess.run(command, cwd=bundles.ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def many() -> Iterator[Synthesis]:
    with synthesised([MANY], models=MODELS) as made:
        yield made


@pytest.mark.slow
def test_two_hundred_models_synthesise_within_every_limit(tmp_path: Path) -> None:
    done = run_app(models(tmp_path / "models", 200), mode="many")
    assert (done.returncode, done.stderr) == (0, "")
    written = {path.name: json.loads(path.read_text()) for path in (tmp_path / "out").rglob("*.template.json")}
    kinds = [item["Type"] for document in written.values() for item in document["Resources"].values()]
    assert kinds.count("AWS::SageMaker::Pipeline") == kinds.count("AWS::SageMaker::ModelPackageGroup") == 200
    # Four that each model has, as it has among few.
    assert kinds.count("AWS::CloudWatch::Alarm") > 800


@pytest.mark.slow
def test_too_many_for_a_list_is_a_sentence_for_each_limit_and_no_traceback(tmp_path: Path) -> None:
    done = run_app(models(tmp_path / "models", 25), mode="few")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    *problems, way = done.stderr.splitlines()
    told = "\n".join(problems)
    assert "prodServing" in told
    assert re.search(
        r"prodServing\w+: \d+ resources, \d+ of them AWS::ApiGateway::\w+, and CloudFormation takes 500 a stack", told
    )
    assert "the pattern of events has about" in told
    assert "EventBridge takes 2,048" in told
    assert way == "With many models set many_models = True in stacks/config.py, after docs/many-models.md."


def test_grants_and_patterns_name_the_environment_and_nothing_beyond(many: Synthesis) -> None:
    for template in many.templates.values():
        for statement in statements(template):
            for resource in statement.resources:
                if ":sagemaker:" in resource:
                    assert "mlops-prod-" in resource, str(statement)
    rules = [rule for one in many.templates.values() for rule in one.of_type("AWS::Events::Rule").values()]
    patterns = [rule["EventPattern"] for rule in rules if "EventPattern" in rule]
    of_sagemaker = [pattern["detail"] for pattern in patterns if pattern["source"] == ["aws.sagemaker"]]
    assert len(of_sagemaker) == 4
    for detail in of_sagemaker:
        prefixes = [item["prefix"] for value in detail.values() for item in value if "prefix" in item]
        assert [readable(prefix).rpartition("/")[2] for prefix in prefixes] == ["mlops-prod-"], detail


def test_one_path_answers_for_every_model(many: Synthesis) -> None:
    resources = many.templates["prod", "serving"].of_type("AWS::ApiGateway::Resource").values()
    assert [item["PathPart"] for item in resources].count("{model}") == 1
    assert not {"breast_cancer", "california_housing"} & {item["PathPart"] for item in resources}


def test_alarms_and_dashboard_are_there_for_all(many: Synthesis) -> None:
    names = {
        item["Properties"]["AlarmName"]
        for path in many.assembly.rglob("*.template.json")
        for item in json.loads(path.read_text())["Resources"].values()
        if item["Type"] == "AWS::CloudWatch::Alarm"
    }
    for model in ("breast-cancer", "california-housing"):
        for trouble in ("5xx", "latency", "deployment-failures", "rejected-serving"):
            assert f"mlops-prod-{model}-{trouble}" in names
    body = readable(many.templates["prod", "monitoring"].only("AWS::CloudWatch::Dashboard")["DashboardBody"])
    assert "SEARCH('{AWS/SageMaker,EndpointName,VariantName} MetricName=" in body
    assert "mlops-prod-breast-cancer-5xx" in body


def test_cdk_nag_has_no_open_finding(many: Synthesis) -> None:
    assert {stack: found for stack, found in many.findings.items() if found} == {}


def test_a_model_stays_in_its_group_whichever_others_come(many: Synthesis) -> None:
    """A resource that moves to another stack is made there before it goes here, and its name is taken."""

    def groups(made: Synthesis) -> dict[str, str]:
        return {
            item["Properties"]["PipelineName"]: path.name.rpartition("Models")[2][:3]
            for path in made.assembly.rglob("*Training*.nested.template.json")
            for item in json.loads(path.read_text())["Resources"].values()
            if item["Type"] == "AWS::SageMaker::Pipeline"
        }

    few = groups(many)
    with synthesised([MANY], models=REAL, contracts=None) as others:
        assert not few.keys() & groups(others).keys()
    assert len(few) == 2


def of(kind: str, **properties: Any) -> Mapping[str, Any]:
    return {"Type": kind, "Properties": properties}


def grants(count: int) -> dict[str, Any]:
    return {"Statement": [{"Resource": [{"Fn::Sub": "x"}] * count}]}


@pytest.mark.parametrize(
    ("resource", "problem"),
    [
        (of("AWS::Events::Rule", EventPattern={"source": ["a" * 2035]}), "One: the pattern of events has about 2,050 "),
        (of("AWS::IAM::Policy", PolicyDocument=grants(120)), "One: the policy of a role has about 11,"),
        (of("AWS::IAM::ManagedPolicy", PolicyDocument=grants(65)), "One: a managed policy has about 6,"),
        (
            of("AWS::Lambda::Function", Environment={"Variables": {"NAMES": "m" * 4096}}),
            "One: the environment of a function has about 4,1",
        ),
        (
            of("AWS::CloudWatch::Dashboard", DashboardBody={"Fn::Join": ["", ['{"widgets":[', '{"type":"x"}' * 501]]}),
            "One: a dashboard has 501 widgets, and CloudWatch takes 500",
        ),
    ],
)
def test_each_limit_is_told_with_its_number(resource: Mapping[str, Any], problem: str) -> None:
    (told,) = limits.problems_of(json.dumps({"Resources": {"One": resource}}).encode())
    assert told.startswith(problem)


def test_an_api_has_so_many_resources() -> None:
    resources = {f"R{number}": of("AWS::ApiGateway::Resource", RestApiId={"Ref": "Api"}) for number in range(300)}
    (told,) = limits.problems_of(json.dumps({"Resources": resources}).encode())
    assert told == "301 resources of a REST API, and API Gateway takes 300"


def test_what_ships_is_within_every_limit(own: Synthesis) -> None:
    for template in own.templates.values():
        assert isinstance(template, Template)
        assert list(limits.problems_of(template.path.read_bytes())) == []
