"""What follows from a contract: the table that Athena reads, and how the model is served."""

from __future__ import annotations

import pytest

from contract import Contract, columns_of
from tests.infrastructure.templates import StackId, Template, readable


@pytest.mark.parametrize("model", ["california_housing", "breast_cancer"])
def test_table_has_the_columns_of_the_parquet_files(
    templates: dict[StackId, Template], contracts: dict[str, Contract], model: str
) -> None:
    contract = contracts[model]
    table = templates["dev", "data"].of_model("AWS::Glue::Table", model)["TableInput"]
    columns = {column["Name"]: column["Type"] for column in table["StorageDescriptor"]["Columns"]}
    numbers = [column.name for column in columns_of(contract) if column.kind != "level"]
    texts = ["row_id", *(feature.name for feature in contract.categorical)]
    assert columns == dict.fromkeys([contract.target.name, *numbers], "double") | dict.fromkeys(texts, "string")
    assert table["Name"] == model


def test_partitions_are_projected_onto_the_layout_of_a_run(templates: dict[StackId, Template]) -> None:
    table = templates["dev", "data"].of_model("AWS::Glue::Table", "california_housing")["TableInput"]
    keys = [column["Name"] for column in table["PartitionKeys"]]
    parameters = {name: readable(value) for name, value in table["Parameters"].items()}
    assert keys == ["run", "split"]
    assert parameters["projection.run.type"] == "injected"
    assert parameters["projection.split.values"] == "train,validation,test"
    template = parameters["storage.location.template"]
    assert template.endswith("/california_housing/run=${run}/${split}/")
    assert template.startswith("s3://<ProcessedBucket")


@pytest.mark.parametrize("bucket", ["RawBucket", "ProcessedBucket", "ArtifactBucket"])
@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_bucket_settings(templates: dict[StackId, Template], stage: str, bucket: str) -> None:
    buckets = templates[stage, "data"].of_type("AWS::S3::Bucket")
    (settings,) = [item for name, item in buckets.items() if name.startswith(bucket)]
    assert settings["VersioningConfiguration"] == {"Status": "Enabled"}
    assert set(settings["PublicAccessBlockConfiguration"].values()) == {True}
    rule = settings["BucketEncryption"]["ServerSideEncryptionConfiguration"][0]
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert {rule["Id"] for rule in settings["LifecycleConfiguration"]["Rules"]} == {
        "AbortUploads",
        "ExpireOldVersions",
        "Tier",
        *(["Expire-receipts"] if bucket == "ProcessedBucket" else []),
    }
    assert "AccessLogBucket" in readable(settings["LoggingConfiguration"]["DestinationBucketName"])
    to_events = settings.get("NotificationConfiguration")
    enabled = {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    assert to_events == (None if bucket == "ArtifactBucket" else enabled)


@pytest.mark.parametrize(("stage", "mode"), [("dev", "serverless"), ("prod", None)])
def test_serving_mode_is_the_stages_or_else_the_contracts(
    templates: dict[StackId, Template], stage: str, mode: str | None
) -> None:
    functions = templates[stage, "serving"].of_type("AWS::Lambda::Function")
    (deploy,) = [item for name, item in functions.items() if name.startswith("DeployModel")]
    assert deploy["Environment"]["Variables"].get("SERVING_MODE") == mode


def test_glue_takes_as_many_jobs_as_the_workflow_takes_runs(templates: dict[StackId, Template]) -> None:
    for stage in ("dev", "prod"):
        template = templates[stage, "etl"]
        job, workflow = template.only("AWS::Glue::Job"), template.only("AWS::Glue::Workflow")
        assert job["ExecutionProperty"]["MaxConcurrentRuns"] >= workflow["MaxConcurrentRuns"] > 0
        assert (job["GlueVersion"], job["MaxRetries"]) == ("5.1", 0)
        assert job["Command"]["PythonVersion"] == "3"
