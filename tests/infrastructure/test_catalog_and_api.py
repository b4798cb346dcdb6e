"""What follows from a contract: the table that Athena reads, and what the API takes."""

from __future__ import annotations

import json

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
    numbers = [contract.target.name, *(column.name for column in columns_of(contract))]
    assert columns == {"row_id": "string"} | dict.fromkeys(numbers, "double")
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
    }
    assert "AccessLogBucket" in readable(settings["LoggingConfiguration"]["DestinationBucketName"])
    to_events = settings.get("NotificationConfiguration")
    enabled = {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    assert to_events == (None if bucket == "ArtifactBucket" else enabled)


def test_the_gateway_checks_the_shape_and_leaves_the_fields_to_the_function(
    templates: dict[StackId, Template],
) -> None:
    schema = templates["dev", "serving"].only("AWS::ApiGateway::Model")["Schema"]
    assert schema["required"] == ["instances"]
    assert schema["properties"]["instances"] == {
        "type": "array",
        "minItems": 1,
        "maxItems": 500,
        "items": {"type": "object"},
    }


def test_predictions_need_a_key_and_a_valid_body(templates: dict[StackId, Template]) -> None:
    template = templates["prod", "serving"]
    methods = template.of_type("AWS::ApiGateway::Method").values()
    (model,) = template.of_type("AWS::ApiGateway::Model")
    for method in methods:
        validator = template.of_type("AWS::ApiGateway::RequestValidator")[method["RequestValidatorId"]["Ref"]]
        assert method["HttpMethod"] == "POST"
        assert method["ApiKeyRequired"] is True
        assert validator["ValidateRequestBody"] is True
        assert method["RequestModels"]["application/json"] == {"Ref": model}
    assert len(methods) == 2
    paths = {resource["PathPart"] for resource in template.of_type("AWS::ApiGateway::Resource").values()}
    assert paths == {"models", "breast_cancer", "california_housing", "predictions"}


def test_usage_plan_limits_are_those_of_the_stage(templates: dict[StackId, Template]) -> None:
    plan = templates["prod", "serving"].only("AWS::ApiGateway::UsagePlan")
    assert plan["Throttle"] == {"RateLimit": 50, "BurstLimit": 100}
    assert plan["Quota"] == {"Limit": 1_000_000, "Period": "DAY"}


def test_access_log_holds_no_payload(templates: dict[StackId, Template]) -> None:
    stage = templates["dev", "serving"].only("AWS::ApiGateway::Stage")
    logged = json.loads(stage["AccessLogSetting"]["Format"])
    assert logged["requestId"] == "$context.requestId"
    assert not [value for value in logged.values() if "$input" in value or "body" in value.lower()]
    (settings,) = stage["MethodSettings"]
    assert settings["DataTraceEnabled"] is False
    assert stage["TracingEnabled"] is True


def test_execution_logs_are_there_before_api_gateway_makes_them(templates: dict[StackId, Template]) -> None:
    resources = templates["dev", "serving"].document["Resources"].items()
    (stage,) = [item for _, item in resources if item["Type"] == "AWS::ApiGateway::Stage"]
    assert [name for name in stage["DependsOn"] if name.startswith("ApiExecutionLogs")]


def test_gateway_answers_with_problems(templates: dict[StackId, Template]) -> None:
    responses = templates["dev", "serving"].of_type("AWS::ApiGateway::GatewayResponse").values()
    kinds = {response["ResponseType"]: response for response in responses}
    assert {"DEFAULT_4XX", "DEFAULT_5XX", "BAD_REQUEST_BODY", "INVALID_API_KEY", "THROTTLED"} <= kinds.keys()
    for response in kinds.values():
        headers = {"gatewayresponse.header.Content-Type": "'application/problem+json'"}
        assert response["ResponseParameters"] == headers
        document = json.loads(response["ResponseTemplates"]["application/json"])
        assert {"type", "title", "detail", "request_id"} <= document.keys()
        assert str(document.get("status", "")) == response.get("StatusCode", "")
    body = json.loads(kinds["BAD_REQUEST_BODY"]["ResponseTemplates"]["application/json"])
    assert body["detail"] == "Send an object with instances: a list of 1 to 500 objects."


def test_a_served_model_answers_before_the_gateway_gives_up(templates: dict[StackId, Template]) -> None:
    functions = templates["dev", "serving"].of_type("AWS::Lambda::Function")
    (predict,) = [item for name, item in functions.items() if name.startswith("Predict")]
    variables = predict["Environment"]["Variables"]
    assert float(variables["MODEL_TIMEOUT_SECONDS"]) < predict["Timeout"] <= 29


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
