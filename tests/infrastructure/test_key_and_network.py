"""An environment with a key of its own, inside a VPC: both are off by default, and on by configuration."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from cdk_nag import AwsSolutionsChecks
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from contract import Contract
from stacks import bundles
from stacks.config import Network
from stacks.stage import MlopsStage
from tests.contracts import MODELS
from tests.example import PROD
from tests.infrastructure.synthesis import new_app
from tests.infrastructure.templates import Template, as_list, readable, statements

NETWORK = Network(
    subnets=("subnet-0123456789abcdef0", "subnet-0123456789abcdef1"),
    security_groups=("sg-0123456789abcdef0",),
    availability_zone="eu-west-1a",
)
VPC = {"SecurityGroupIds": list(NETWORK.security_groups), "Subnets": list(NETWORK.subnets)}
STACKS = ("monitoring", "data", "etl", "training", "serving", "batch", "recovery")


@dataclass(frozen=True)
class Synthesis:
    templates: dict[str, Template]
    findings: list[str]

    def of_type(self, kind: str) -> dict[str, Any]:
        return {name: item for template in self.templates.values() for name, item in template.of_type(kind).items()}


@pytest.fixture(scope="module")
def made(contracts: dict[str, Contract]) -> Iterator[Synthesis]:
    """With a model that shares an endpoint, since its functions call more than others."""
    config = replace(PROD, customer_key=True, network=NETWORK, serving_mode="realtime")
    cancer = contracts["breast_cancer"]
    shared = replace(cancer, serving=replace(cancer.serving, mode="realtime", hosting="multi-model"))
    changed = {**contracts, "breast_cancer": shared}
    with TemporaryDirectory() as out, TemporaryDirectory() as staging:
        app = new_app(out)
        stage = MlopsStage(app, config=config, contracts=changed, bundles=bundles.build(Path(staging), models=MODELS))
        checks = AwsSolutionsChecks(app)
        found = [item.rule_name for stack in stage.node.children for item in checks.validate_scope(stack).violations]
        folder = Path(app.synth().directory) / "assembly-prod"
        paths = {path.name.split(".")[0].removeprefix("prod"): path for path in folder.glob("*.template.json")}
        templates = {
            name: Template(path, json.loads(path.read_text()))
            for stack, path in paths.items()
            for name in STACKS
            if stack.lower().startswith(name)
        }
        assert set(templates) == set(STACKS)
        yield Synthesis(templates, found)


# Nothing that a person edits becomes one of these: a trigger's type and the use of a security configuration are code.
FIXED = {
    "AWS::Glue::Trigger": {"Type"},
    "AWS::Glue::SecurityConfiguration": {"EncryptionConfiguration"},
    "AWS::Glue::Table": {"CatalogId"},
}
# Their names are told apart by that of the API or function that they belong to.
PARTS = ("AWS::ApiGateway::", "AWS::Lambda::Permission")


def test_no_edit_makes_a_named_resource_anew(made: Synthesis) -> None:
    """CloudFormation would make the new one first, and its name is taken by the old one: the stack could not change."""
    for template in made.templates.values():
        for name, resource in template.document["Resources"].items():
            kind, properties = resource["Type"], resource.get("Properties", {})
            if kind.startswith(PARTS) or not kind.startswith("AWS::"):
                continue
            schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("eu-west-1", kind).schema
            paths = [path.split("/")[2:] for path in schema.get("createOnlyProperties", ())]
            anew = {path[0] for path in paths if len(path) == 1} & properties.keys()
            own = {item for item in anew if item.endswith("Name") and isinstance(properties[item], str)}
            others = {item for item in anew if not item.endswith("Name")} - FIXED.get(kind, set())
            assert not own or not others, f"{name}: {own} is given, and {others} cannot be changed"


def is_the_key(value: Any) -> bool:
    return readable(value).startswith(("<Key", "<PublishOutputFnGetAttKey"))


def test_the_key_encrypts_whatever_holds_something(made: Synthesis) -> None:
    buckets = {}
    for name, bucket in made.of_type("AWS::S3::Bucket").items():
        (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        key = rule["ServerSideEncryptionByDefault"].get("KMSMasterKeyID")
        buckets[name] = bool(key and is_the_key(key) and rule["BucketKeyEnabled"])
    # Server access logs are only delivered into a bucket with S3's own key.
    assert [name for name, encrypted in buckets.items() if not encrypted] == ["AccessLogBucketDA470295"]
    for kind, member in (
        ("AWS::SQS::Queue", "KmsMasterKeyId"),
        ("AWS::SNS::Topic", "KmsMasterKeyId"),
        ("AWS::Logs::LogGroup", "KmsKeyId"),
    ):
        found = made.of_type(kind)
        assert found, kind
        assert [name for name, item in found.items() if not is_the_key(item.get(member))] == [], kind


def test_the_key_is_kept_rotated_and_open_to_services_of_this_account_only(made: Synthesis) -> None:
    (key,) = made.of_type("AWS::KMS::Key").values()
    assert key["EnableKeyRotation"] is True
    resources = made.templates["data"].document["Resources"].values()
    assert [item["DeletionPolicy"] for item in resources if item["Type"] == "AWS::KMS::Key"] == ["RetainExceptOnCreate"]
    services = {}
    for statement in key["KeyPolicy"]["Statement"]:
        if "Service" in statement["Principal"]:
            for service in as_list(statement["Principal"]["Service"]):
                services[readable(service)] = statement["Condition"]
    assert services == {
        "events.amazonaws.com": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
        "cloudwatch.amazonaws.com": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
        "budgets.amazonaws.com": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
        "logs.<AWS::Region>.<AWS::URLSuffix>": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": services_logs(key)}},
    }


def services_logs(key: dict[str, Any]) -> Any:
    """The pattern, which ends with every group of this account."""
    (found,) = (
        statement["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
        for statement in key["KeyPolicy"]["Statement"]
        if "ArnLike" in statement.get("Condition", {})
    )
    assert readable(found) == "arn:<AWS::Partition>:logs:<AWS::Region>:<AWS::AccountId>:log-group:*"
    return found


def test_who_reaches_encrypted_objects_or_queues_may_use_the_key_through_that_service(made: Synthesis) -> None:
    for template in made.templates.values():
        through: dict[str, set[str]] = {}
        needs: dict[str, set[str]] = {}
        for statement in statements(template):
            if "kms:Decrypt" in statement.actions:
                assert all("Key" in resource for resource in statement.resources)
                for service in as_list(statement.condition["StringEquals"]["kms:ViaService"]):
                    through.setdefault(statement.role, set()).add(readable(service).partition(".")[0])
            buckets = [one for one in statement.resources if "Bucket" in one and "cdk-" not in one]
            if buckets and {"s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"} & set(statement.actions):
                needs.setdefault(statement.role, set()).add("s3")
            for service in ("sqs", "sns"):
                if any(action.startswith(f"{service}:") for action in statement.actions):
                    needs.setdefault(statement.role, set()).add(service)
        assert {role: wanted - through.get(role, set()) for role, wanted in needs.items()} == {
            role: set() for role in needs
        }


def test_jobs_of_the_pipeline_are_encrypted_and_in_the_network(made: Synthesis) -> None:
    pipelines = made.of_type("AWS::SageMaker::Pipeline")
    assert len(pipelines) == 2
    for pipeline in pipelines.values():
        steps = {step["Name"]: step["Arguments"] for step in definition_of(pipeline)["Steps"]}
        training = steps["Train"]
        assert training["VpcConfig"] == VPC
        assert training["OutputDataConfig"]["KmsKeyId"] == training["ResourceConfig"]["VolumeKmsKeyId"] == "KEY"
        for name in ("Prepare", "Evaluate"):
            assert steps[name]["NetworkConfig"] == {"EnableNetworkIsolation": True, "VpcConfig": VPC}
            assert steps[name]["ProcessingOutputConfig"]["KmsKeyId"] == "KEY"
            assert steps[name]["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"] == "KEY"


def definition_of(pipeline: dict[str, Any]) -> dict[str, Any]:
    """The document, with KEY for the key and TOKEN for other references."""
    _, parts = pipeline["PipelineDefinition"]["PipelineDefinitionBody"]["Fn::Join"]
    text = "".join(part if isinstance(part, str) else "KEY" if is_the_key(part) else "TOKEN" for part in parts)
    document: dict[str, Any] = json.loads(text)
    return document


def test_functions_jobs_and_models_are_in_the_network_with_the_rights_for_it(made: Synthesis) -> None:
    functions = made.of_type("AWS::Lambda::Function")
    wanted = {"SecurityGroupIds": VPC["SecurityGroupIds"], "SubnetIds": VPC["Subnets"]}
    assert {name for name, item in functions.items() if item.get("VpcConfig") != wanted} == set()
    for makes_models in ("DeployModel", "StartBatch"):
        (variables,) = (
            item["Environment"]["Variables"] for name, item in functions.items() if name.startswith(makes_models)
        )
        assert json.loads(variables["VPC_CONFIG"]) == VPC
    assert is_the_key(variables["KMS_KEY_ARN"])
    (job,) = made.of_type("AWS::Glue::Job").values()
    (connection,) = made.of_type("AWS::Glue::Connection").values()
    assert [readable(name) for name in job["Connections"]["Connections"]] == ["<Network>"]
    assert connection["ConnectionInput"]["PhysicalConnectionRequirements"] == {
        "AvailabilityZone": "eu-west-1a",
        "SecurityGroupIdList": VPC["SecurityGroupIds"],
        "SubnetId": VPC["Subnets"][0],
    }
    roles = {
        statement.role.strip("<>")
        for template in made.templates.values()
        for statement in statements(template)
        if "ec2:CreateNetworkInterface" in statement.actions
    }
    assert {item["Role"]["Fn::GetAtt"][0] for item in functions.values()} <= roles
    holders = {role.partition("Role")[0] for role in roles}
    assert {"PreProcessing", "Prepare", "Train", "Evaluate", "Model", "BatchModel"} <= holders
    assert "Pipeline" not in holders


# The endpoints of a service, where they are not called as it is in IAM.
ENDPOINTS = {
    "cloudwatch": {"monitoring"},
    "ecr": {"ecr.api", "ecr.dkr"},
    "sagemaker": {"sagemaker.api", "sagemaker.runtime"},
}
# Granted for what AWS does on behalf of the role: Lambda makes interfaces, SageMaker is passed a role.
BY_AWS = {"ec2", "iam"}
# What Glue's own code in a job may ask for, without a grant.
UNGRANTED = {"sts"}


def test_whatever_a_role_in_the_network_may_call_has_an_endpoint_in_the_documentation(made: Synthesis) -> None:
    """A call to a service that cannot be reached from the subnets hangs until it times out."""
    granted = {
        action.partition(":")[0]
        for template in made.templates.values()
        for statement in statements(template)
        for action in statement.actions
    }
    wanted = {endpoint for service in granted - BY_AWS for endpoint in ENDPOINTS.get(service, {service})}
    _, _, table = (bundles.ROOT / "docs" / "network.md").read_text().partition("| endpoint | for |")
    cells = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    listed = [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]
    assert sorted(listed) == sorted(wanted | UNGRANTED)


def test_the_job_of_glue_encrypts_its_logs(made: Synthesis) -> None:
    (job,) = made.of_type("AWS::Glue::Job").values()
    (security,) = made.of_type("AWS::Glue::SecurityConfiguration").values()
    assert readable(job["SecurityConfiguration"]) == "<Security>"
    encryption = security["EncryptionConfiguration"]
    assert encryption["CloudWatchEncryption"]["CloudWatchEncryptionMode"] == "SSE-KMS"
    assert is_the_key(encryption["CloudWatchEncryption"]["KmsKeyArn"])


def test_checkers_find_nothing(made: Synthesis) -> None:
    assert made.findings == []
    paths = [str(template.path) for template in made.templates.values()]
    # W3010: the zone of the configured subnet is no guess.
    command = [str(Path(sys.executable).with_name("cfn-lint")), "--regions", "eu-west-1"]
    command += ["--ignore-checks", "W3005", "W3010"]
    done = subprocess.run([*command, "--template", *paths], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr
