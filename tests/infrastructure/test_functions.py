"""Settings that every function has, and the way of an event to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import boto3
import pytest

from cli.target import Target
from tests.example import STAGES
from tests.infrastructure.templates import StackId, Template, readable
from tracking import waiting

# Stack -> the beginning of a function's id -> its handler, in a package of assets/lambda.
FUNCTIONS = {
    "etl": {"StartEtl": "start_etl.handler", "DispatchEtl": "start_etl.dispatch"},
    "training": {"StartTraining": "start_training.handler", "KeepModel": "keep_model.handler"},
    "serving": {
        "DeployModel": "deploy_model.handler",
        "ApiFunctionsPredict": "predict.handler",
        "ApiFunctionsPlatform": "platform_api.handler",
        "VerificationVerifyDeployment": "verify_deployment.handler",
    },
    "batch": {"StartBatch": "start_batch.handler", "FinishBatch": "finish_batch.handler"},
    "recovery": {"Reconcile": "reconcile.handler"},
}
CASES = [(config.name, stack, name) for config in STAGES for stack, names in FUNCTIONS.items() for name in names]
RETENTION = {"dev": 14, "prod": 365}


def function_of(template: Template, name: str) -> tuple[str, Mapping[str, Any]]:
    found = [(key, item) for key, item in template.of_type("AWS::Lambda::Function").items() if key.startswith(name)]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("stack", [(c.name, s) for c in STAGES for s in ("data", *FUNCTIONS)], ids="-".join)
def test_there_are_no_other_functions(templates: dict[StackId, Template], stack: StackId) -> None:
    found = templates[stack].of_type("AWS::Lambda::Function")
    assert len(found) == len(FUNCTIONS.get(stack[1], []))


@pytest.mark.parametrize(("stage", "stack", "name"), CASES)
def test_function_settings(templates: dict[StackId, Template], stage: str, stack: str, name: str) -> None:
    template = templates[stage, stack]
    _, function = function_of(template, name)
    assert function["Runtime"] == "python3.13"
    assert function["Architectures"] == ["arm64"]
    assert function["Handler"] == f"{FUNCTIONS[stack][name]}.handler"
    assert function["TracingConfig"] == {"Mode": "Active"}
    assert len(function["Layers"]) == 1
    assert "FunctionName" not in function
    logging = dict(function["LoggingConfig"])
    group = logging.pop("LogGroup")["Ref"]
    assert logging == {"LogFormat": "JSON", "ApplicationLogLevel": "INFO", "SystemLogLevel": "WARN"}
    assert group.startswith(f"{name}Logs")
    assert template.of_type("AWS::Logs::LogGroup")[group]["RetentionInDays"] == RETENTION[stage]


@pytest.mark.parametrize(("stage", "stack", "name"), CASES)
def test_what_fails_is_kept(templates: dict[StackId, Template], stage: str, stack: str, name: str) -> None:
    template = templates[stage, stack]
    _, function = function_of(template, name)
    kept = function["DeadLetterConfig"]["TargetArn"]["Fn::GetAtt"][0]
    queue = template.of_type("AWS::SQS::Queue")[kept]
    assert queue == {**queue, "MessageRetentionPeriod": 14 * 86400, "SqsManagedSseEnabled": True}


@pytest.mark.parametrize(("stage", "stack", "name"), CASES)
def test_function_role_starts_with_nothing(
    templates: dict[StackId, Template], stage: str, stack: str, name: str
) -> None:
    template = templates[stage, stack]
    _, function = function_of(template, name)
    role = template.of_type("AWS::IAM::Role")[function["Role"]["Fn::GetAtt"][0]]
    assert "ManagedPolicyArns" not in role
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": "lambda.amazonaws.com"}


def rule_of(template: Template, name: str) -> Mapping[str, Any]:
    (rule,) = [item for key, item in template.of_type("AWS::Events::Rule").items() if name in key]
    return rule


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_verification_rule(templates: dict[StackId, Template], stage: str) -> None:
    rule = rule_of(templates[stage, "serving"], "EndpointChanged")
    assert rule["EventPattern"] == {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Endpoint State Change"],
        "detail": {"EndpointName": [f"mlops-{stage}-breast-cancer", f"mlops-{stage}-california-housing"]},
    }
    (target,) = rule["Targets"]
    assert "VerifyDeployment" in readable(target["Arn"])


def mapping_of(template: Template, function: str) -> Mapping[str, Any]:
    mappings = template.of_type("AWS::Lambda::EventSourceMapping").values()
    (mapping,) = [item for item in mappings if item["FunctionName"] == {"Ref": function}]
    return mapping


@pytest.mark.parametrize(
    ("stack", "name", "batch", "attempts", "responses"),
    [
        ("etl", "StartEtl", 1, 5, ["ReportBatchItemFailures"]),
        ("serving", "DeployModel", 1, 90, ["ReportBatchItemFailures"]),
        ("batch", "StartBatch", 1, 8, None),
        ("training", "StartTraining", 1, 5, None),
        ("etl", "DispatchEtl", 10, 3, None),
    ],
)
def test_queue_feeds_function(
    templates: dict[StackId, Template], stack: str, name: str, batch: int, attempts: int, responses: list[str] | None
) -> None:
    template = templates["dev", stack]
    logical_id, function = function_of(template, name)
    mapping = mapping_of(template, logical_id)
    assert (mapping["BatchSize"], mapping.get("FunctionResponseTypes")) == (batch, responses)
    queue = template.of_type("AWS::SQS::Queue")[mapping["EventSourceArn"]["Fn::GetAtt"][0]]
    assert queue["RedrivePolicy"]["maxReceiveCount"] == attempts
    # A queue in order gives up to one in order, and a function to one without.
    own = function["DeadLetterConfig"]["TargetArn"]
    assert (queue["RedrivePolicy"]["deadLetterTargetArn"] == own) != queue.get("FifoQueue", False)
    assert queue["VisibilityTimeout"] >= function["Timeout"]
    assert queue["SqsManagedSseEnabled"] is True


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_there_is_one_dispatch_at_a_time(templates: dict[StackId, Template], stage: str) -> None:
    """All that wakes it is of one message group, which is handed out to one invocation and hidden while that runs."""
    template = templates[stage, "etl"]
    logical_id, function = function_of(template, "DispatchEtl")
    mapping = mapping_of(template, logical_id)
    queues = template.of_type("AWS::SQS::Queue")
    name = mapping["EventSourceArn"]["Fn::GetAtt"][0]
    assert queues[name]["FifoQueue"] is True
    assert queues[name]["ContentBasedDeduplication"] is True
    assert queues[name]["VisibilityTimeout"] > function["Timeout"]
    dead = queues[queues[name]["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]]
    assert dead["FifoQueue"] is True
    targets = [
        target
        for rule in template.of_type("AWS::Events::Rule").values()
        for target in rule["Targets"]
        if target["Arn"] == {"Fn::GetAtt": [name, "Arn"]}
    ]
    assert [target["SqsParameters"] for target in targets] == [{"MessageGroupId": "dispatch"}] * 3


def test_what_wakes_the_dispatch(templates: dict[StackId, Template]) -> None:
    template = templates["dev", "etl"]
    waits, ended, clock = (rule_of(template, name) for name in ("Waits", "Ended", "Clock"))
    assert waits["EventPattern"]["detail"]["object"] == {"key": [{"prefix": waiting.PREFIX}]}
    assert "ProcessedBucket" in readable(waits["EventPattern"]["detail"]["bucket"]["name"][0])
    assert ended["EventPattern"]["detail-type"] == ["Glue Job State Change"]
    assert ended["EventPattern"]["detail"]["jobName"] == ["mlops-dev-pre-processing"]
    assert clock["ScheduleExpression"] == "rate(2 minutes)"
    runs = template.only("AWS::Glue::Workflow")["MaxConcurrentRuns"]
    assert function_of(template, "DispatchEtl")[1]["Environment"]["Variables"]["CONCURRENT_RUNS"] == str(runs)


def test_upload_rule(templates: dict[StackId, Template]) -> None:
    rule = rule_of(templates["dev", "etl"], "Uploaded")
    pattern = rule["EventPattern"]
    assert (pattern["source"], pattern["detail-type"]) == (["aws.s3"], ["Object Created"])
    assert "RawBucket" in readable(pattern["detail"]["bucket"]["name"][0])
    assert pattern["detail"]["object"] == {"key": [{"prefix": "breast_cancer/"}, {"prefix": "california_housing/"}]}
    (target,) = rule["Targets"]
    assert "UploadQueue" in readable(target["Arn"])
    assert "UploadDlq" in readable(target["DeadLetterConfig"]["Arn"])


def test_manifest_rule(templates: dict[StackId, Template]) -> None:
    rule = rule_of(templates["dev", "training"], "Prepared")
    detail = rule["EventPattern"]["detail"]
    assert "ProcessedBucket" in readable(detail["bucket"]["name"][0])
    assert detail["object"] == {"key": [{"suffix": "/manifest.json"}]}
    (target,) = rule["Targets"]
    assert "StartTraining" in readable(target["Arn"])
    assert "TrainingDlq" in readable(target["DeadLetterConfig"]["Arn"])
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 21600, "MaximumRetryAttempts": 5}


def test_training_is_started_again_on_request(templates: dict[StackId, Template]) -> None:
    for stage in ("dev", "prod"):
        rule = rule_of(templates[stage, "training"], "Requested")
        assert rule["EventPattern"] == {"source": [f"mlops.{stage}"], "detail-type": ["Training Requested"]}
        assert Target(stage=stage, session=boto3.Session()).event_source == f"mlops.{stage}"
        assert rule["Targets"][0]["Arn"] == rule_of(templates[stage, "training"], "Prepared")["Targets"][0]["Arn"]


def test_batch_upload_rule(templates: dict[StackId, Template]) -> None:
    rule = rule_of(templates["dev", "batch"], "BatchUploaded")
    pattern = rule["EventPattern"]
    assert (pattern["source"], pattern["detail-type"]) == (["aws.s3"], ["Object Created"])
    assert "RawBucket" in readable(pattern["detail"]["bucket"]["name"][0])
    assert pattern["detail"]["object"] == {"key": [{"prefix": "batch/"}]}
    (target,) = rule["Targets"]
    assert "BatchQueue" in readable(target["Arn"])
    assert "BatchDlq" in readable(target["DeadLetterConfig"]["Arn"])


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_batch_end_rule(templates: dict[StackId, Template], stage: str) -> None:
    rule = rule_of(templates[stage, "batch"], "BatchEnded")
    assert rule["EventPattern"] == {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Transform Job State Change"],
        "detail": {
            "TransformJobName": [
                {"prefix": f"mlops-{stage}-breast-cancer-"},
                {"prefix": f"mlops-{stage}-california-housing-"},
            ],
            "TransformJobStatus": ["Completed", "Failed", "Stopped"],
        },
    }
    (target,) = rule["Targets"]
    assert "FinishBatch" in readable(target["Arn"])
    assert "BatchDlq" in readable(target["DeadLetterConfig"]["Arn"])
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 21600, "MaximumRetryAttempts": 5}


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_approval_rule(templates: dict[StackId, Template], stage: str) -> None:
    rule = rule_of(templates[stage, "serving"], "VersionDecided")
    assert rule["EventPattern"] == {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Model Package State Change"],
        "detail": {
            "ModelPackageGroupName": [f"mlops-{stage}-breast-cancer", f"mlops-{stage}-california-housing"],
            "ModelApprovalStatus": ["Approved", "Rejected"],
        },
    }
    (target,) = rule["Targets"]
    assert "DeploymentQueue" in readable(target["Arn"])
