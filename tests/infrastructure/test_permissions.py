"""Roles: scoped actions on scoped resources, and a written reason for what cannot be scoped."""

from __future__ import annotations

import json

import pytest
from aws_cdk import App, Stack, Stage
from cdk_nag import AwsSolutionsChecks

from contract import Contract
from stacks.constructs.acknowledge import acknowledge
from stacks.naming import pascal
from tests.infrastructure.templates import STACKS, StackId, Template, as_list, readable, statements

# Actions that know no resources, and why they are needed.
UNSCOPED = {
    "xray:PutTraceSegments": "traces of the functions",
    "xray:PutTelemetryRecords": "traces of the functions",
    "ecr:GetAuthorizationToken": "a token is for a registry, not for a repository",
    "cloudwatch:PutMetricData": "scoped by its namespace",
    "sagemaker:ListTransformJobs": "a listing",
    "cloudwatch:GetMetricData": "metrics know no resources",
    "cloudwatch:DescribeAlarms": "a listing by prefix asks about all alarms",
    "application-autoscaling:DescribeScalableTargets": "a listing",
}


@pytest.mark.parametrize("stack", STACKS, ids="-".join)
def test_no_statement_is_wider_than_its_reason(templates: dict[StackId, Template], stack: StackId) -> None:
    for statement in statements(templates[stack]):
        assert statement.effect == "Allow"
        assert not [action for action in statement.actions if "*" in action], str(statement)
        if "*" in statement.resources:
            assert set(statement.actions) <= UNSCOPED.keys(), str(statement)
        for action in statement.actions:
            if action == "cloudwatch:PutMetricData":
                assert statement.condition["StringEquals"]["cloudwatch:namespace"]


@pytest.mark.parametrize("stack", STACKS, ids="-".join)
def test_a_role_is_passed_to_one_service_only(templates: dict[StackId, Template], stack: StackId) -> None:
    passing = [statement for statement in statements(templates[stack]) if "iam:PassRole" in statement.actions]
    assert bool(passing) == (stack[1] in ("training", "serving", "batch"))
    for statement in passing:
        assert statement.actions == ("iam:PassRole",)
        assert statement.condition == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
        assert all("Role" in resource and "*" not in resource for resource in statement.resources)


@pytest.mark.parametrize("stack", STACKS, ids="-".join)
def test_objects_are_reached_below_a_key_only(templates: dict[StackId, Template], stack: StackId) -> None:
    for statement in statements(templates[stack]):
        if any(action.startswith("s3:") and "Object" in action for action in statement.actions):
            keys = [resource.partition("/")[2] for resource in statement.resources]
            assert all(key and not key.startswith("*") for key in keys), str(statement)


@pytest.mark.parametrize("stack", ["training", "batch"])
def test_a_job_of_a_model_reaches_and_writes_below_that_model_only(
    templates: dict[StackId, Template], contracts: dict[str, Contract], stack: str
) -> None:
    jobs = {"training": ("PrepareRole", "TrainRole", "EvaluateRole"), "batch": ("BatchModelRole",)}[stack]
    for model in contracts:
        for job in jobs:
            own = [one for one in statements(templates["prod", stack]) if one.role.startswith(f"<{job}{pascal(model)}")]
            keys = [key for one in own for key in one.resources if "Bucket" in key and "/" in key]
            assert keys, (model, job)
            assets = [key for key in keys if "cdk-" in key]
            assert all(key.partition("/")[2].startswith(f"{model}/") for key in keys if key not in assets), keys


def test_kept_artifacts_are_written_by_one_function_and_once(templates: dict[StackId, Template]) -> None:
    for stack in STACKS:
        for one in statements(templates[stack]):
            writes = {"s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"} & set(one.actions)
            keys = [key.partition("/")[2] for key in one.resources]
            kept = [key for key in keys if key.split("/")[1:2] == ["models"] and not key.startswith("multi-model/")]
            assert not (writes and kept) or one.role.startswith("<KeepModelRole"), str(one)
    for stage in ("dev", "prod"):
        policies = templates[stage, "data"].of_type("AWS::S3::BucketPolicy").items()
        (artifact,) = (policy for name, policy in policies if name.startswith("ArtifactBucket"))
        (once,) = [item for item in artifact["PolicyDocument"]["Statement"] if item.get("Sid") == "WriteOnce"]
        assert (once["Effect"], once["Action"], once["Principal"]) == ("Deny", "s3:PutObject", {"AWS": "*"})
        assert readable(once["Resource"]).endswith("/*/models/*/model.tar.gz")
        assert once["Condition"] == {
            "Null": {"s3:if-none-match": "true"},
            "Bool": {"s3:ObjectCreationOperation": "true"},
        }


def test_roles_have_what_only_aws_asks_for(templates: dict[StackId, Template]) -> None:
    """No call of the local cloud needs these, so that no other test misses them."""
    glue = {
        action
        for item in statements(templates["dev", "etl"])
        if "PreProcessing" in item.role
        for action in item.actions
    }
    assert "s3:ListBucketMultipartUploads" in glue  # committers of S3A, through which Glue 5.1 writes
    marked = {"training": ("Prepare", "Train", "Evaluate"), "serving": ("ModelRole",), "batch": ("BatchModelRole",)}
    for stack, marks in marked.items():
        for mark in marks:
            given = [item for item in statements(templates["dev", stack]) if item.role.startswith(f"<{mark}")]
            assert "logs:DescribeLogStreams" in {action for item in given for action in item.actions}, mark


@pytest.mark.parametrize("stack", STACKS, ids="-".join)
def test_every_role_trusts_one_service(templates: dict[StackId, Template], stack: StackId) -> None:
    for name, role in templates[stack].of_type("AWS::IAM::Role").items():
        (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert (trust["Effect"], trust["Action"], list(trust["Principal"])) == ("Allow", "sts:AssumeRole", ["Service"])
        managed = [readable(arn) for arn in role.get("ManagedPolicyArns", [])]
        pushes_logs = ["arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"]
        assert managed == (pushes_logs if "CloudWatchRole" in name else [])


ACCOUNT = {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}


@pytest.mark.parametrize("stack", STACKS, ids="-".join)
def test_a_service_that_acts_for_another_account_may_assume_no_role(
    templates: dict[StackId, Template], stack: StackId
) -> None:
    """SageMaker says that it sends account and ARN. Of the others that is not known: they may leave it out."""
    for name, role in templates[stack].of_type("AWS::IAM::Role").items():
        (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
        service = trust["Principal"]["Service"].removesuffix(".amazonaws.com")
        if service == "sagemaker":
            own = readable(trust["Condition"]["ArnLike"]["aws:SourceArn"])
            assert own == "arn:<AWS::Partition>:sagemaker:<AWS::Region>:<AWS::AccountId>:*", name
            assert trust["Condition"]["StringEquals"] == ACCOUNT, name
        else:
            assert service in ("lambda", "glue", "apigateway"), name
            assert trust["Condition"] == {"StringEqualsIfExists": ACCOUNT}, name


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_rules_of_another_account_write_no_events(templates: dict[StackId, Template], stage: str) -> None:
    document = readable(templates[stage, "monitoring"].only("AWS::Logs::ResourcePolicy")["PolicyDocument"])
    (statement,) = json.loads(document)["Statement"]
    own = "<AWS::Region>:<AWS::AccountId>"
    assert statement["Condition"] == {
        "StringEqualsIfExists": {"aws:SourceAccount": "<AWS::AccountId>"},
        "ArnLikeIfExists": {
            "aws:SourceArn": [
                f"arn:<AWS::Partition>:events:{own}:rule/mlops-{stage}-*",
                f"arn:<AWS::Partition>:logs:{own}:*",
            ]
        },
    }


@pytest.mark.parametrize("stack", STACKS, ids="-".join)
def test_resource_policies_allow_aws_services_only(templates: dict[StackId, Template], stack: StackId) -> None:
    for kind in ("AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy"):
        for name, policy in templates[stack].of_type(kind).items():
            items = policy["PolicyDocument"]["Statement"]
            assert {"Bool": {"aws:SecureTransport": "false"}} in [item.get("Condition") for item in items], name
            for item in items:
                if item["Effect"] == "Allow":
                    assert list(item["Principal"]) == ["Service"], name
                    assert "aws:SourceArn" in str(item["Condition"]), name
                    assert not [action for action in as_list(item["Action"]) if "*" in action], name


def test_cdk_nag_has_no_open_finding(nag_findings: dict[StackId, list[str]]) -> None:
    assert nag_findings == {stack: [] for stack in STACKS}


def test_cdk_nag_would_find_something() -> None:
    """The check above is worth something: a bare queue and a wide role are found, an accepted finding is not."""
    from aws_cdk.aws_iam import PolicyStatement, Role, ServicePrincipal
    from aws_cdk.aws_sqs import Queue

    app = App(builtin_cloud_formation_validation=False)
    stack = Stack(Stage(app, "Stage"), "Stack")
    queue = Queue(stack, "Queue")
    role = Role(stack, "Role", assumed_by=ServicePrincipal("lambda.amazonaws.com"))
    role.add_to_policy(PolicyStatement(actions=["sqs:SendMessage"], resources=["*"]))
    acknowledge(queue, {"AwsSolutions-SQS3": "a test"})
    found = {violation.rule_name for violation in AwsSolutionsChecks(app).validate_scope(stack).violations}
    assert found == {"AwsSolutions-SQS4", "AwsSolutions-IAM5[Resource::*]"}
