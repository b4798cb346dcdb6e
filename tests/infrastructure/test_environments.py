"""Two environments live in one account and region, one of them in two regions: nothing of one is another's."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import pytest

from cli.target import Target
from tests.example import STAGES
from tests.infrastructure.templates import StackId, Statement, Template, readable, statements
from tracking.place import Place

NAMES = [config.name for config in STAGES]
# A reference to a resource of the same environment; those that begin with AWS:: are the account's.
OWN = re.compile(r"<(?!AWS::)[^>]+>")

# Resources that no name of an environment scopes, and what does.
SHARED = {
    r"arn:<AWS::Partition>:ecr:<AWS::Region>:<\w+\.XGBoost>:repository/sagemaker-xgboost": "an image of AWS",
    r"arn:<AWS::Partition>:logs:[^/]+:log-group:/aws/sagemaker/\w+Jobs(:log-stream:)?": "groups of all jobs",
    r".*:role/aws-service-role/sagemaker\.application-autoscaling\..*": "the account's own role, made once",
    r"arn:<AWS::Partition>:s3:::cdk-hnb659fds-assets-.*": "files of the bootstrap bucket, named by their content",
    r"arn:<AWS::Partition>:application-autoscaling:.*:scalable-target/\*": "tags",
    r"arn:<AWS::Partition>:events:.*:event-bus/default": "source",
    r"\*": "what no resource scopes stands in test_permissions",
}
# Names that are not the account's: what they are within.
WITHIN = {
    ("AWS::ApiGateway::Model", "Name"): "an API",
    ("AWS::ApiGateway::Stage", "StageName"): "an API",
    ("AWS::CloudWatch::Alarm", "MetricName"): "a service",
    ("AWS::IAM::Policy", "PolicyName"): "a role",
}
GLOBAL = {
    "AWS::Budgets::Budget": lambda item: item["Budget"].get("BudgetName"),
    "AWS::CloudWatch::Dashboard": lambda item: item.get("DashboardName"),
    "AWS::IAM::ManagedPolicy": lambda item: item.get("ManagedPolicyName"),
    "AWS::IAM::Role": lambda item: item.get("RoleName"),
    "AWS::S3::Bucket": lambda item: item.get("BucketName"),
}


def text(value: Any) -> Any:
    """The value with its intrinsic functions as text, however deep they stand."""
    if isinstance(value, list):
        return [text(item) for item in value]
    if isinstance(value, dict) and not any(key == "Ref" or key.startswith("Fn::") for key in value):
        return {key: text(item) for key, item in value.items()}
    return readable(value)


def of_stage(templates: Mapping[StackId, Template], stage: str) -> list[Template]:
    return [template for (name, _), template in templates.items() if name == stage]


def is_own(resource: str, stage: str) -> bool:
    return bool(OWN.search(resource.rpartition(":")[2])) or f"mlops-{stage}" in resource


def is_scoped(statement: Statement, resource: str, stage: str) -> bool:
    """By one of SHARED; where tags or an event's source do it, the statement insists on the environment's."""
    reason = next((why for pattern, why in SHARED.items() if re.fullmatch(pattern, resource)), None)
    if reason == "source":
        return statement.condition.get("StringEquals", {}).get("events:source") == f"mlops.{stage}"
    if reason == "tags":
        return any("Tag/stage" in key for key in statement.condition["StringEquals"])
    return reason is not None


@pytest.mark.parametrize("stage", NAMES)
def test_every_rule_is_for_events_of_its_environment(templates: dict[StackId, Template], stage: str) -> None:
    rules = [rule for one in of_stage(templates, stage) for rule in one.of_type("AWS::Events::Rule").values()]
    # A rule with a schedule is for no event.
    patterns = [rule["EventPattern"] for rule in rules if "ScheduleExpression" not in rule]
    assert len(patterns) > 8
    for pattern in patterns:
        told = json.dumps(text(pattern))
        names = f"mlops-{stage}-" in told or bool(re.search(r"<[^>]*Bucket", told))
        assert names or pattern["source"] == [f"mlops.{stage}"], told
        assert pattern["source"] != ["mlops"], told


@pytest.mark.parametrize("stage", NAMES)
def test_no_grant_reaches_another_environment(templates: dict[StackId, Template], stage: str) -> None:
    others = [f"mlops-{name}" for name in NAMES if name != stage]
    wide = []
    for statement in (item for one in of_stage(templates, stage) for item in statements(one)):
        for resource in statement.resources:
            assert not [other for other in others if other in resource], str(statement)
            if not is_own(resource, stage) and not is_scoped(statement, resource, stage):
                wide.append(f"{statement.role}: {', '.join(statement.actions)} on {resource}")
    assert wide == []


def test_a_grant_that_is_too_wide_would_be_found() -> None:
    jobs = "arn:<AWS::Partition>:sagemaker:<AWS::Region>:<AWS::AccountId>:processing-job/pipelines-*"
    targets = "arn:<AWS::Partition>:application-autoscaling:<AWS::Region>:<AWS::AccountId>:scalable-target/*"
    any_tag = {"StringEquals": {"application-autoscaling:service-namespace": "sagemaker"}}
    bus = "arn:<AWS::Partition>:events:<AWS::Region>:<AWS::AccountId>:event-bus/default"
    for resource in (jobs, targets, bus):
        statement = Statement("<Role>", "Allow", ("x:Y",), (resource,), any_tag)
        assert not is_own(resource, "dev")
        assert not is_scoped(statement, resource, "dev")


def names_of(template: Template) -> Iterator[tuple[str, str, str]]:
    """Type, property and value of every name that the template itself gives."""
    for item in template.document["Resources"].values():
        for key, value in item.get("Properties", {}).items():
            if key.endswith("Name") and not OWN.search(name := readable(value)):
                yield item["Type"], key, name


def test_no_two_environments_give_one_name(templates: dict[StackId, Template]) -> None:
    given = {stage: {name for one in of_stage(templates, stage) for name in names_of(one)} for stage in NAMES}
    same = {(kind, key) for kind, key, _ in given["dev"] & given["prod"]}
    assert same == set(WITHIN)
    assert len(given["dev"]) > 20


@pytest.mark.parametrize("stage", NAMES)
def test_what_is_global_names_its_region(templates: dict[StackId, Template], stage: str) -> None:
    """The same environment in two regions of an account: names of one region must not be in the other's way."""
    for template in of_stage(templates, stage):
        for kind, name_of in GLOBAL.items():
            for item in template.of_type(kind).values():
                name = name_of(item)
                assert name is None or "<AWS::Region>" in readable(name), (kind, name)


@pytest.mark.parametrize("config", STAGES, ids=lambda config: config.name)
def test_functions_and_commands_find_what_the_stacks_name(config: Any) -> None:
    place = Place(
        client=lambda _: None, prefix=config.prefix, processed_bucket="b", workflow="w", artifact_bucket="artifact"
    )
    assert place.glue_logs == config.glue_logs
    assert Target(stage=config.name, session=boto3.Session()).event_source == config.event_source
