"""What every template has to be: known, valid, free of the machine that made it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from stacks import bundles
from stacks.constructs.xgboost_image import ACCOUNTS
from tests.infrastructure.templates import STACKS, StackId, Template
from tests.infrastructure.test_own import cfn_lint

REGION = re.compile(r"\b(?:af|ap|ca|cn|eu|il|me|mx|sa|us)-(?:gov-|iso[a-z]?-)?[a-z]+-\d\b")

# A logical id that changes is a resource that is replaced: its data, its address or its callers are lost.
STATEFUL = {
    "data": {
        "AccessLogBucketDA470295": "AWS::S3::Bucket",
        "ArtifactBucket7410C9EF": "AWS::S3::Bucket",
        "BreastCancerTable": "AWS::Glue::Table",
        "BreastCancerVersions": "AWS::SageMaker::ModelPackageGroup",
        "CaliforniaHousingTable": "AWS::Glue::Table",
        "CaliforniaHousingVersions": "AWS::SageMaker::ModelPackageGroup",
        "Database": "AWS::Glue::Database",
        "ProcessedBucketDE59930C": "AWS::S3::Bucket",
        "RawBucket0C3EE094": "AWS::S3::Bucket",
    },
    "monitoring": {"Alerts91F83244": "AWS::SNS::Topic"},
    "etl": {"UploadDlqDA30568D": "AWS::SQS::Queue", "UploadQueueA4421744": "AWS::SQS::Queue"},
    "training": {
        "BreastCancer": "AWS::SageMaker::Pipeline",
        "CaliforniaHousing": "AWS::SageMaker::Pipeline",
        "TrainingDlqE8EA3A84": "AWS::SQS::Queue",
    },
    "serving": {
        "ApiRest4DEC74FE": "AWS::ApiGateway::RestApi",
        "ApiRestKey89BAA58B": "AWS::ApiGateway::ApiKey",
        "ApiRestCliKey7D2E9B2C": "AWS::ApiGateway::ApiKey",
        "DeploymentQueue1BAF22A4": "AWS::SQS::Queue",
        "ServingDlqA62BFF40": "AWS::SQS::Queue",
    },
    "batch": {"BatchDlq6F8AFBC8": "AWS::SQS::Queue", "BatchQueue28C25975": "AWS::SQS::Queue"},
    "recovery": {"RecoveryDlq56FABBF0": "AWS::SQS::Queue"},
}
OUTPUTS = {
    "data": {"RawBucketName", "ProcessedBucketName", "ArtifactBucketName", "DatabaseName"},
    "etl": {"WorkflowName", "JobName", "UploadQueueUrl", "UploadDlqUrl", "EtlCodeHash", "ContractHashes"},
    "training": {"ModelNames", "CodeCommit", "JobTimeoutSeconds"},
    "serving": {"ApiUrl", "ApiKeyId", "CliKeyId"},
    "batch": {"BatchDlqUrl"},
    "recovery": set(),
    "monitoring": {"AlertsTopicArn", "DashboardName"},
}


@pytest.mark.parametrize("stack", STACKS, ids="-".join)
def test_stateful_resources_keep_their_logical_ids(templates: dict[StackId, Template], stack: StackId) -> None:
    resources = templates[stack].document["Resources"]
    wanted = STATEFUL[stack[1]]
    assert {name: resources[name]["Type"] for name in wanted if name in resources} == wanted
    stateful = {"AWS::S3::Bucket", "AWS::Glue::Database", "AWS::Glue::Table", "AWS::SageMaker::ModelPackageGroup"}
    assert {name for name, item in resources.items() if item["Type"] in stateful} <= set(wanted)


@pytest.mark.parametrize("stack", STACKS, ids="-".join)
def test_outputs_are_those_that_the_command_line_reads(templates: dict[StackId, Template], stack: StackId) -> None:
    outputs = templates[stack].document.get("Outputs", {})
    assert {name for name in outputs if not name.startswith("PublishOutput")} == OUTPUTS[stack[1]]


@pytest.mark.parametrize("stack", STACKS, ids="-".join)
def test_template_names_no_account_region_or_machine(templates: dict[StackId, Template], stack: StackId) -> None:
    document = dict(templates[stack].document)
    # AWS's own accounts, by region: where SageMaker's image lies.
    mappings = document.pop("Mappings", {})
    assert all(table == {r: {"XGBoost": a} for r, a in ACCOUNTS.items()} for table in mappings.values())
    text = json.dumps(document)
    assert re.findall(r"(?<![\w.-])\d{12}(?![\w.-])", text) == []
    assert REGION.findall(text) == []
    assert str(bundles.ROOT) not in text
    assert str(Path.home()) not in text
    assert not re.search(r"/tmp/|/var/folders/", text)


def test_cfn_lint_finds_nothing(templates: dict[StackId, Template]) -> None:
    assert cfn_lint(templates) == ""


# Contracts say all that it holds: it is made again.
DERIVED = ("AWS::Glue::Database", "AWS::Glue::Table")


@pytest.mark.parametrize(
    ("stage", "policies"), [("dev", ("Delete", "Delete")), ("prod", ("RetainExceptOnCreate", "Retain"))]
)
def test_data_outlives_the_stack_in_prod_only(
    templates: dict[StackId, Template], stage: str, policies: tuple[str, str]
) -> None:
    """What a deployment made that fails is empty: it goes, and is in the way of no other."""
    resources = {
        name: item for name, item in templates[stage, "data"].document["Resources"].items() if name in STATEFUL["data"]
    }
    found = {name: (item.get("DeletionPolicy"), item.get("UpdateReplacePolicy")) for name, item in resources.items()}
    derived = {name for name, item in resources.items() if item["Type"] in DERIVED}
    assert {found[name] for name in derived} == {("Delete", "Delete")}
    assert {found[name] for name in found.keys() - derived} == {policies}
