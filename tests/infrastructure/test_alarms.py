"""Alarms: each tells the topic and leads to a runbook. Addresses, budget and dashboard follow the configuration."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from aws_cdk import App, Stack, Stage
from aws_cdk.aws_kms import CfnKey

from cli.target import ROOT
from stacks.config import Alerting
from stacks.constructs.alerts import Alerts, Runbook, dashed
from stacks.constructs.endpoint_alarms import EndpointAlarms
from stacks.constructs.queues import DeadLetterQueue
from stacks.monitoring import MonitoringStack
from tests.example import DEV, PROD
from tests.infrastructure.templates import StackId, Template, readable, statements

RUNBOOKS = ROOT / "docs" / "runbooks"
LINK = re.compile(r"docs/runbooks/([a-z-]+)\.md$")
# AWS Budgets writes itself: there is no alarm whose text could lead there.
WITHOUT_ALARM = {"budget"}


def alarms(templates: Mapping[StackId, Template], stage: str) -> dict[str, Mapping[str, Any]]:
    """By name without the environment's prefix."""
    found = [
        item
        for (name, _), template in templates.items()
        if name == stage
        for item in template.of_type("AWS::CloudWatch::Alarm").values()
    ]
    named = {item["AlarmName"].removeprefix(f"mlops-{stage}-"): item for item in found}
    assert len(named) == len(found)
    return named


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_every_alarm_has_a_runbook_and_every_runbook_an_alarm(templates: dict[StackId, Template], stage: str) -> None:
    linked = {name: LINK.search(item["AlarmDescription"]) for name, item in alarms(templates, stage).items()}
    assert [name for name, link in linked.items() if link is None] == []
    named = {link[1] for link in linked.values() if link}
    written = {path.stem for path in RUNBOOKS.glob("*.md")}
    assert named | WITHOUT_ALARM == written == set(get_args(Runbook))


@pytest.mark.parametrize("runbook", get_args(Runbook))
def test_a_runbook_says_what_it_means_how_to_look_and_how_to_mend(runbook: str) -> None:
    text = (RUNBOOKS / f"{runbook}.md").read_text()
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["What it means", "How to look", "How to mend"]
    assert 60 < len(text.split()) < 350


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_every_alarm_tells_the_topic(templates: dict[StackId, Template], stage: str) -> None:
    for name, item in alarms(templates, stage).items():
        (action,) = item["AlarmActions"]
        assert "Monitoring" in readable(action) or "Alerts" in readable(action), name
        assert item["TreatMissingData"] == "notBreaching", name


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_every_queue_of_dead_letters_and_every_function_is_watched(
    templates: dict[StackId, Template], stage: str
) -> None:
    found = alarms(templates, stage)
    for (name, stack), template in templates.items():
        if name != stage:
            continue
        queues = template.of_type("AWS::SQS::Queue")
        dead = {key for key, item in queues.items() if "RedrivePolicy" not in item}
        assert all(re.fullmatch(r"[A-Za-z]+Dlq[0-9A-F]{8}", key) for key in dead), "mlops redrive finds them by it"
        watched = {
            item["Dimensions"][0]["Value"]["Fn::GetAtt"][0]
            for item in template.of_type("AWS::CloudWatch::Alarm").values()
            if item["MetricName"] == "ApproximateNumberOfMessagesVisible"
        }
        assert watched == dead
        functions = set(template.of_type("AWS::Lambda::Function"))
        for metric in ("Errors", "Throttles"):
            seen = {
                item["Dimensions"][0]["Value"]["Ref"]
                for item in template.of_type("AWS::CloudWatch::Alarm").values()
                if (item["Namespace"], item["MetricName"]) == ("AWS/Lambda", metric)
            }
            assert seen == functions, (stack, metric)
    assert {"upload-dlq", "start-etl-errors", "verify-deployment-throttles"} <= set(found)


def counted(template: Template, alarm: Mapping[str, Any]) -> Mapping[str, Any]:
    """The pattern of the rule whose matches the alarm counts."""
    assert (alarm["Namespace"], alarm["MetricName"], alarm["Statistic"]) == ("AWS/Events", "TriggeredRules", "Sum")
    (dimension,) = alarm["Dimensions"]
    assert dimension["Name"] == "RuleName"
    rule = template.of_type("AWS::Events::Rule")[dimension["Value"]["Ref"]]
    # EventBridge is sure to count the matches of a rule that leads somewhere.
    (target,) = rule["Targets"]
    assert re.search(r":log-group:/aws/events/mlops-(dev|prod)-alerts$", readable(target["Arn"]))
    pattern: Mapping[str, Any] = rule["EventPattern"]
    return pattern


@pytest.mark.parametrize(("stage", "days"), [("dev", 14), ("prod", 365)])
def test_events_behind_alarms_are_kept_where_rules_may_write(
    templates: dict[StackId, Template], stage: str, days: int
) -> None:
    template = templates[stage, "monitoring"]
    ((logical_id, group),) = template.of_type("AWS::Logs::LogGroup").items()
    assert (group["LogGroupName"], group["RetentionInDays"]) == (f"/aws/events/mlops-{stage}-alerts", days)
    (statement,) = json.loads(readable(template.only("AWS::Logs::ResourcePolicy")["PolicyDocument"]))["Statement"]
    assert "events.amazonaws.com" in statement["Principal"]["Service"]
    assert statement["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
    assert statement["Resource"] == f"<{logical_id}.Arn>"


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_etl_failures_are_those_that_are_no_refusals(templates: dict[StackId, Template], stage: str) -> None:
    detail = counted(templates[stage, "etl"], alarms(templates, stage)["etl-failures"])["detail"]
    assert detail["jobName"] == [f"mlops-{stage}-pre-processing"]
    assert detail["state"] == ["FAILED", "TIMEOUT", "ERROR"]
    assert detail["message"] == [{"anything-but": {"wildcard": "*Refused: *"}}, {"exists": False}]


def test_refused_files_are_counted_by_the_document_that_says_why(templates: dict[StackId, Template]) -> None:
    pattern = counted(templates["dev", "etl"], alarms(templates, "dev")["refused-files"])
    assert pattern["detail-type"] == ["Object Created"]
    assert "ProcessedBucket" in readable(pattern["detail"]["bucket"]["name"][0])
    assert pattern["detail"]["object"] == {"key": [{"suffix": "/refused.json"}]}


def test_a_model_that_the_gate_turned_down_is_no_pipeline_failure(templates: dict[StackId, Template]) -> None:
    pattern = counted(templates["dev", "training"], alarms(templates, "dev")["pipeline-failures"])
    assert pattern["detail"]["stepType"] == [{"anything-but": "Fail"}]
    assert pattern["detail"]["currentStepStatus"] == ["Failed"]
    pipelines = [readable(arn).rsplit(":", 1)[-1] for arn in pattern["detail"]["pipelineArn"]]
    assert pipelines == ["pipeline/mlops-dev-breast-cancer", "pipeline/mlops-dev-california-housing"]


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_alarms_may_publish_to_the_topic(templates: dict[StackId, Template], stage: str) -> None:
    """The policy that enforces TLS takes the place of AWS's own, which lets them."""
    template = templates[stage, "monitoring"]
    statements = template.only("AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
    (allowed,) = [item for item in statements if item["Effect"] == "Allow"]
    assert (allowed["Action"], allowed["Principal"]) == ("sns:Publish", {"Service": "cloudwatch.amazonaws.com"})
    assert readable(allowed["Condition"]["ArnLike"]["aws:SourceArn"]).endswith(f":alarm:mlops-{stage}-*")
    assert {"Effect": "Deny"}.items() <= next(item for item in statements if item["Effect"] == "Deny").items()


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_the_dashboard_shows_every_alarm_and_every_endpoint(templates: dict[StackId, Template], stage: str) -> None:
    body = readable(templates[stage, "monitoring"].only("AWS::CloudWatch::Dashboard")["DashboardBody"])
    for name in alarms(templates, stage):
        assert body.count(f':alarm:mlops-{stage}-{name}"') == 2, name
    for endpoint in ("breast-cancer", "california-housing"):
        assert f'"EndpointName","mlops-{stage}-{endpoint}"' in body
    assert f'"ApiName","mlops-{stage}-predictions"' in body


def test_stacks_hand_each_other_nothing_for_the_dashboard(templates: dict[StackId, Template]) -> None:
    """An import would keep a function or a queue from being replaced."""
    assert "Fn::ImportValue" not in json.dumps(templates["dev", "monitoring"].document)


def made(tmp_path: Path, alerting: Alerting) -> dict[str, dict[str, Any]]:
    """Resources by type of a monitoring stack, and of a stack with a queue and two endpoints."""
    app = App(outdir=str(tmp_path), analytics_reporting=False, builtin_cloud_formation_validation=False)
    config = replace(DEV, alerting=alerting)
    stage = Stage(app, "dev")
    monitoring = MonitoringStack(stage, "Monitoring", config=config)
    stack = Stack(stage, "Other")
    watch(stack, monitoring.alerts)
    monitoring.add_dashboard(["a_model"])
    app.synth()
    found: dict[str, dict[str, Any]] = {}
    for path in (tmp_path / "assembly-dev").glob("*.template.json"):
        for name, item in json.loads(path.read_text())["Resources"].items():
            found.setdefault(item["Type"], {})[name] = item.get("Properties", {})
    return found


def watch(stack: Stack, alerts: Alerts) -> None:
    DeadLetterQueue(stack, "SomeDlq", alerts=alerts)
    alerts.add_for_event(
        stack,
        "Rule",
        source="aws.glue",
        detail_type="Glue Job State Change",
        detail={"state": ["FAILED"]},
        name="some-failures",
        runbook="etl-failures",
        means="It failed.",
    )
    for name, guards in (("serverless", False), ("realtime", True)):
        EndpointAlarms(stack, name, config=DEV, model=name, guards=guards, alerts=alerts)


def test_without_alarms_those_that_roll_back_stay(tmp_path: Path) -> None:
    found = made(tmp_path, Alerting(alarms=False, dashboard=False))
    names = {item["AlarmName"] for item in found["AWS::CloudWatch::Alarm"].values()}
    assert names == {"mlops-dev-realtime-5xx", "mlops-dev-realtime-latency"}
    unwanted = {"AWS::Events::Rule", "AWS::CloudWatch::Dashboard", "AWS::Budgets::Budget", "AWS::Logs::LogGroup"}
    assert unwanted & set(found) == set()


def test_addresses_a_budget_and_the_place_of_the_runbooks_are_configured(tmp_path: Path) -> None:
    place = "https://example.com/mlops/blob/main/docs/runbooks/"
    alerting = Alerting(emails=("ops@example.com", "ml@example.com"), monthly_budget_usd=200, runbooks=place)
    found = made(tmp_path, alerting)
    subscriptions = found["AWS::SNS::Subscription"].values()
    assert {(item["Protocol"], item["Endpoint"]) for item in subscriptions} == {
        ("email", "ops@example.com"),
        ("email", "ml@example.com"),
    }
    (budget,) = found["AWS::Budgets::Budget"].values()
    assert budget["Budget"]["BudgetLimit"] == {"Amount": 200, "Unit": "USD"}
    # Budgets are the account's: the same environment in another region has its own.
    assert readable(budget["Budget"]["BudgetName"]) == "mlops-dev-monthly-<AWS::Region>"
    exactly = ["EQUALS"]
    tags = [{"Key": key, "Values": [value], "MatchOptions": exactly} for key, value in DEV.tags.items()]
    region = {"Key": "REGION", "Values": [{"Ref": "AWS::Region"}], "MatchOptions": exactly}
    assert budget["Budget"]["FilterExpression"] == {"And": [*({"Tags": tag} for tag in tags), {"Dimensions": region}]}
    assert [tag["Values"] for tag in tags] == [["mlops"], ["dev"]]
    limits = [item["Notification"] for item in budget["NotificationsWithSubscribers"]]
    assert [(item["NotificationType"], item["Threshold"]) for item in limits] == [("ACTUAL", 80), ("FORECASTED", 100)]
    (policy,) = found["AWS::SNS::TopicPolicy"].values()
    services = [item["Principal"].get("Service") for item in policy["PolicyDocument"]["Statement"][1:]]
    assert services == ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"]
    (alarm,) = [item for item in found["AWS::CloudWatch::Alarm"].values() if item["AlarmName"] == "mlops-dev-some-dlq"]
    assert alarm["AlarmDescription"].endswith(f"{place}dead-letters.md")


def test_names_of_alarms_are_dashed() -> None:
    assert [dashed(name) for name in ("UploadDlq", "StartEtl", "Predict")] == ["upload-dlq", "start-etl", "predict"]


def test_messages_of_prod_are_encrypted_with_a_key_that_alarms_and_budgets_may_use(
    templates: dict[StackId, Template],
) -> None:
    prod, dev = templates["prod", "monitoring"], templates["dev", "monitoring"]
    ((key_id, key),) = prod.of_type("AWS::KMS::Key").items()
    assert readable(prod.only("AWS::SNS::Topic")["KmsMasterKeyId"]) == f"<{key_id}.Arn>"
    (let_in,) = [item for item in key["KeyPolicy"]["Statement"] if "Service" in item["Principal"]]
    assert let_in["Principal"]["Service"] == ["budgets.amazonaws.com", "cloudwatch.amazonaws.com"]
    assert let_in["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    assert "KmsMasterKeyId" not in dev.only("AWS::SNS::Topic")
    assert dev.of_type("AWS::KMS::Key") == {}


@pytest.mark.parametrize("stack", ["serving", "batch"])
def test_who_publishes_may_use_the_key_of_the_topic(templates: dict[StackId, Template], stack: str) -> None:
    given: dict[str, set[str]] = {}
    for item in statements(templates["prod", stack]):
        given.setdefault(item.role, set()).update(item.actions)
        if "kms:Decrypt" in item.actions:
            through = item.condition["StringEquals"]["kms:ViaService"]
            assert readable(through) == "sns.<AWS::Region>.<AWS::URLSuffix>"
    publishing = {role for role, actions in given.items() if "sns:Publish" in actions}
    assert publishing
    assert {role for role, actions in given.items() if "kms:Decrypt" in actions} == publishing


def test_a_key_for_everything_takes_the_place_of_the_one_for_the_topic(tmp_path: Path) -> None:
    app = App(outdir=str(tmp_path), analytics_reporting=False, builtin_cloud_formation_validation=False)
    stack = MonitoringStack(Stage(app, "prod"), "Monitoring", config=replace(PROD, customer_key=True))
    assert [node for node in stack.node.find_all() if isinstance(node, CfnKey)] == []
