"""start_batch: each file below batch/<model>/ starts one transform, or ends with a recorded reason."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import ANY, Stubber
from moto import mock_aws

from contract import batch_id
from tests.unit.lambdas.loading import load_function

NOW = datetime(2026, 1, 2, tzinfo=UTC)
MODEL = "california_housing"
GROUP = "mlops-dev-california-housing"
PACKAGE = f"arn:aws:sagemaker:eu-west-1:111122223333:model-package/{GROUP}/7"
ROLE = "arn:aws:iam::111122223333:role/batch"
TOPIC = "arn:aws:sns:eu-west-1:111122223333:alerts"
KEY = f"batch/{MODEL}/2026/rows (1).csv"
COLUMNS = (
    "longitude,latitude,housing_median_age,total_rooms,total_bedrooms,population,households,median_income,"
    "ocean_proximity,id"
)
GOOD = f"{COLUMNS}\n-122.23,37.88,41,880,129,322,126,8.3252,NEAR BAY,1\n".encode()
TAGS = [{"Key": "model", "Value": MODEL}, {"Key": "model_version", "Value": "7"}]


@pytest.fixture
def function() -> Iterator[SimpleNamespace]:
    environment = {
        "RESOURCE_PREFIX": "mlops-dev-",
        "ARTIFACT_BUCKET": "artifact",
        "MODEL_ROLE_ARN": ROLE,
        "INSTANCE_TYPE": "ml.m5.large",
        "STAGE": "dev",
        "ALERTS_TOPIC_ARN": TOPIC,
    }
    with mock_aws():
        function = load_function("start_batch", environment)
        for bucket in ("raw", "artifact"):
            location = {"LocationConstraint": "eu-west-1"}
            function.handler.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=location)
        versioning = {"Status": "Enabled"}
        function.handler.s3.put_bucket_versioning(Bucket="raw", VersioningConfiguration=versioning)
        yield function


@pytest.fixture
def sagemaker(function: SimpleNamespace) -> Iterator[Stubber]:
    with Stubber(function.handler.sagemaker) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def sns(function: SimpleNamespace) -> Iterator[Stubber]:
    with Stubber(function.handler.sns) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def put(function: SimpleNamespace, body: bytes, key: str = KEY) -> dict[str, Any]:
    """Put a file into the raw bucket; returns the SQS event that follows."""
    version = function.handler.s3.put_object(Bucket="raw", Key=key, Body=body)["VersionId"]
    return delivered(key, version, len(body))


def delivered(key: str, version: str, size: int) -> dict[str, Any]:
    detail = {"bucket": {"name": "raw"}, "object": {"key": key, "size": size, "version-id": version}}
    return {"Records": [{"messageId": "m", "body": json.dumps({"detail": detail})}]}


def batch_of(event: dict[str, Any]) -> str:
    item = json.loads(event["Records"][0]["body"])["detail"]["object"]
    return batch_id(MODEL, item["key"], item["version-id"])


def document(function: SimpleNamespace, event: dict[str, Any], name: str) -> dict[str, Any]:
    key = f"{MODEL}/batch/{batch_of(event)}/{name}"
    return json.loads(function.handler.s3.get_object(Bucket="artifact", Key=key)["Body"].read())


def expect_no_job(sagemaker: Stubber) -> None:
    message = "Could not find requested job with name: j"
    sagemaker.add_client_error("describe_transform_job", "ValidationException", message)


def expect_newest(sagemaker: Stubber, *numbers: int) -> None:
    summary = {
        "ModelPackageArn": PACKAGE,
        "ModelPackageVersion": 7,
        "CreationTime": NOW,
        "ModelPackageStatus": "Completed",
    }
    request = {
        "ModelPackageGroupName": GROUP,
        "ModelApprovalStatus": "Approved",
        "SortBy": "CreationTime",
        "SortOrder": "Descending",
    }
    answer = {"ModelPackageSummaryList": [summary] if numbers else []}
    sagemaker.add_response("list_model_packages", answer, request)
    if numbers:
        package = {
            **summary,
            "ModelPackageName": f"{GROUP}/7",
            "ModelPackageStatusDetails": {"ValidationStatuses": []},
            "InferenceSpecification": {
                "Containers": [{"Image": "image", "Environment": {"SAGEMAKER_PROGRAM": "i.py"}}]
            },
        }
        sagemaker.add_response("describe_model_package", package, {"ModelPackageName": PACKAGE})


def expect_model(sagemaker: Stubber, *, exists: bool = False, raced: bool = False) -> None:
    """`raced`: another file makes the model between the look and the call."""
    if raced:
        sagemaker.add_client_error("describe_model", "ValidationException", 'Could not find model "m".')
        sagemaker.add_client_error("create_model", "ValidationException", "Cannot create already existing model.")
    if exists or raced:
        model = {
            "ModelName": "m",
            "ModelArn": "arn:aws:sagemaker:eu-west-1:111122223333:model/m",
            "CreationTime": NOW,
            "ExecutionRoleArn": ROLE,
        }
        sagemaker.add_response("describe_model", model, {"ModelName": ANY})
        return
    sagemaker.add_client_error("describe_model", "ValidationException", 'Could not find model "m".')
    request = {
        "ModelName": ANY,
        "PrimaryContainer": {
            "ModelPackageName": PACKAGE,
            "Environment": {"SAGEMAKER_PROGRAM": "i.py", "MODEL_VERSION": "7"},
        },
        "ExecutionRoleArn": ROLE,
        "Tags": TAGS,
    }
    answer = {"ModelArn": "arn:aws:sagemaker:eu-west-1:111122223333:model/m"}
    sagemaker.add_response("create_model", answer, request)


def expect_start(sagemaker: Stubber, event: dict[str, Any]) -> None:
    folder = f"s3://artifact/{MODEL}/batch/{batch_of(event)}"
    source = {"S3DataType": "S3Prefix", "S3Uri": f"{folder}/input/rows.csv"}
    request = {
        "TransformJobName": f"{GROUP}-{batch_of(event)}",
        "ModelName": ANY,
        "BatchStrategy": "MultiRecord",
        "MaxConcurrentTransforms": 2,
        "MaxPayloadInMB": 4,
        "Environment": {"BATCH_COLUMNS": json.dumps(COLUMNS.split(","))},
        "TransformInput": {
            "DataSource": {"S3DataSource": source},
            "ContentType": "text/csv; header=absent",
            "SplitType": "Line",
        },
        "TransformOutput": {"S3OutputPath": f"{folder}/output", "Accept": "text/csv", "AssembleWith": "Line"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        "Tags": TAGS,
    }
    answer = {"TransformJobArn": "arn:aws:sagemaker:eu-west-1:111122223333:transform-job/t"}
    sagemaker.add_response("create_transform_job", answer, request)


def expect_alert(sns: Stubber, state: str, model: str = MODEL) -> None:
    request = {"TopicArn": TOPIC, "Subject": f"Batch of {model} {state}", "Message": ANY}
    sns.add_response("publish", {"MessageId": "1"}, request)


def test_a_file_becomes_a_transform_of_the_newest_approved_version(
    function: SimpleNamespace, sagemaker: Stubber
) -> None:
    event = put(function, GOOD)
    put(function, b"another version")
    expect_no_job(sagemaker)
    expect_newest(sagemaker, 7)
    expect_model(sagemaker)
    expect_start(sagemaker, event)
    function.handler.handler(event, None)
    copied = f"{MODEL}/batch/{batch_of(event)}/input/rows.csv"
    assert function.handler.s3.get_object(Bucket="artifact", Key=copied)["Body"].read() == GOOD
    request = document(function, event, "request.json")
    assert (request["key"], request["size"], request["model_version"]) == (KEY, len(GOOD), 7)
    assert request["columns"] == COLUMNS.split(",")


def test_a_model_that_an_earlier_batch_made_is_used_again(function: SimpleNamespace, sagemaker: Stubber) -> None:
    event = put(function, GOOD)
    expect_no_job(sagemaker)
    expect_newest(sagemaker, 7)
    expect_model(sagemaker, exists=True)
    expect_start(sagemaker, event)
    function.handler.handler(event, None)


def test_two_files_at_once_after_an_approval_are_both_predicted(function: SimpleNamespace, sagemaker: Stubber) -> None:
    event = put(function, GOOD)
    expect_no_job(sagemaker)
    expect_newest(sagemaker, 7)
    expect_model(sagemaker, raced=True)
    expect_start(sagemaker, event)
    function.handler.handler(event, None)


def test_an_event_that_comes_twice_starts_nothing(function: SimpleNamespace, sagemaker: Stubber) -> None:
    event = put(function, GOOD)
    job = {
        "TransformJobName": "t",
        "TransformJobArn": "arn:aws:sagemaker:eu-west-1:111122223333:transform-job/t",
        "TransformJobStatus": "InProgress",
        "ModelName": "m",
        "TransformInput": {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://a"}}},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        "CreationTime": NOW,
    }
    name = {"TransformJobName": f"{GROUP}-{batch_of(event)}"}
    sagemaker.add_response("describe_transform_job", job, name)
    function.handler.handler(event, None)


def test_two_deliveries_at_once_start_one_job(function: SimpleNamespace, sagemaker: Stubber) -> None:
    event = put(function, GOOD)
    expect_no_job(sagemaker)
    expect_newest(sagemaker, 7)
    expect_model(sagemaker, exists=True)
    sagemaker.add_client_error("create_transform_job", "ResourceInUse", "Job name must be unique")
    function.handler.handler(event, None)


def test_without_an_approved_version_the_file_is_refused(
    function: SimpleNamespace, sagemaker: Stubber, sns: Stubber
) -> None:
    event = put(function, GOOD)
    expect_no_job(sagemaker)
    expect_newest(sagemaker)
    expect_alert(sns, "refused")
    function.handler.handler(event, None)
    result = document(function, event, "result.json")
    assert (result["state"], result["model"], result["key"]) == ("refused", MODEL, KEY)
    assert result["reason"] == (
        "rows (1).csv: no version of california_housing is approved yet; train and approve one, "
        "then upload the file again"
    )


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "the file is empty; upload a CSV file with a header and rows"),
        (f"{COLUMNS}\n \r\n".encode(), "there is a header and no row below it; upload a file with data"),
        (GOOD.replace(b"population", b"people"), "lacks population; add what is missing; not known: people, id"),
        (GOOD.replace(b",", b";"), "separate fields by commas, not by ';'"),
        (GOOD.replace(b"\n", b"\r"), "its lines end in carriage returns alone; save the file with line feeds"),
        (b"\x1f\x8b\x08", "not a CSV file but a gzip archive"),
        (b"x" * 70_000, "line 1 is longer than 65536 bytes"),
        (GOOD.replace(b",id", b",prediction"), "the header names prediction, which a batch adds"),
        (GOOD.replace(b",id", b"".join(b",c%04d" % n for n in range(2000))), "columns are too long together"),
    ],
)
def test_a_file_that_cannot_be_predicted_is_refused(
    function: SimpleNamespace, sagemaker: Stubber, sns: Stubber, body: bytes, reason: str
) -> None:
    event = put(function, body)
    expect_no_job(sagemaker)
    expect_alert(sns, "refused")
    function.handler.handler(event, None)
    assert reason in document(function, event, "result.json")["reason"]


def test_a_bad_byte_in_a_row_refuses_no_file(function: SimpleNamespace) -> None:
    columns = function.logic.columns_of(function.handler.CONTRACTS[MODEL], GOOD + b"\xff\x00,1\n", size=len(GOOD) + 5)
    assert columns == tuple(COLUMNS.split(","))


def test_a_file_that_one_copy_cannot_hold_is_refused(
    function: SimpleNamespace, sagemaker: Stubber, sns: Stubber
) -> None:
    event = delivered(KEY, "v1", 5 * 1024**3 + 1)
    expect_no_job(sagemaker)
    expect_alert(sns, "refused")
    function.handler.handler(event, None)
    reason = document(function, event, "result.json")["reason"]
    assert reason == "rows (1).csv: the file has 5,368,709,121 bytes, a batch at most 5,368,709,120; split it"


def test_a_refused_call_is_recorded_and_told(function: SimpleNamespace, sagemaker: Stubber, sns: Stubber) -> None:
    event = put(function, GOOD)
    expect_no_job(sagemaker)
    expect_newest(sagemaker, 7)
    expect_model(sagemaker, exists=True)
    sagemaker.add_client_error("create_transform_job", "AccessDeniedException", "role may not")
    expect_alert(sns, "failed")
    function.handler.handler(event, None)
    result = document(function, event, "result.json")
    assert result["state"] == "failed"
    assert result["reason"].startswith("The transform could not be started: ")
    assert "role may not" in result["reason"]


@pytest.mark.parametrize(("code", "status"), [("ResourceLimitExceeded", 400), ("InternalFailure", 500)])
def test_what_may_pass_is_delivered_again(
    function: SimpleNamespace, sagemaker: Stubber, code: str, status: int
) -> None:
    event = put(function, GOOD)
    expect_no_job(sagemaker)
    expect_newest(sagemaker, 7)
    expect_model(sagemaker, exists=True)
    sagemaker.add_client_error("create_transform_job", code, "later", http_status_code=status)
    with pytest.raises(ClientError):
        function.handler.handler(event, None)
    listed = function.handler.s3.list_objects_v2(Bucket="artifact", Prefix=MODEL)["Contents"]
    assert not [item["Key"] for item in listed if item["Key"].endswith("result.json")]


def test_a_file_for_no_model_is_told(function: SimpleNamespace, sns: Stubber) -> None:
    expect_alert(sns, "refused", "an unknown model")
    function.handler.handler(put(function, GOOD, "batch/café/rows.csv"), None)
    assert "Contents" not in function.handler.s3.list_objects_v2(Bucket="artifact")


def test_a_folder_is_no_file(function: SimpleNamespace, sagemaker: Stubber) -> None:
    function.handler.handler(delivered(f"batch/{MODEL}/", "v1", 0), None)


@pytest.mark.parametrize("body", ["{", "{}", '{"detail": {"bucket": {"name": "raw"}, "object": {"key": "k"}}}'])
def test_another_message_is_an_error(function: SimpleNamespace, body: str) -> None:
    with pytest.raises(function.logic.MalformedEventError):
        function.handler.handler({"Records": [{"body": body}]}, None)


def test_names_fit_into_63_characters(function: SimpleNamespace) -> None:
    resource = f"mlops-prod-{'m' * 40}"
    upload = function.logic.Upload(model="m" * 40, bucket="raw", key="k", version_id="v", size=1)
    assert len(function.logic.Batch(upload, resource=resource, bucket="artifact").job) == 63
    package = function.logic.Package(PACKAGE, 99_999, {})
    request = function.logic.model_request(package, model="m", resource=resource, role_arn=ROLE)
    assert len(request["ModelName"]) == 63


def test_key_and_network_of_the_environment_go_with_the_requests(function: SimpleNamespace) -> None:
    vpc = {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}
    package = function.logic.Package(PACKAGE, 7, {})

    def model(vpc_config: dict[str, list[str]]) -> dict[str, Any]:
        request: dict[str, Any] = function.logic.model_request(
            package, model=MODEL, resource="r", role_arn=ROLE, vpc_config=vpc_config
        )
        return request

    inside, outside = model(vpc), model({})
    assert (inside["VpcConfig"], "VpcConfig" in outside) == (vpc, False)
    assert inside["ModelName"] != outside["ModelName"]
    upload = function.logic.Upload(model=MODEL, bucket="raw", key="k", version_id="v", size=1)
    batch = function.logic.Batch(upload, resource="r", bucket="artifact")
    job = batch.job_request("m", ["a"], instance="ml.m5.large", version=7, key="key")
    assert (job["TransformOutput"]["KmsKeyId"], job["TransformResources"]["VolumeKmsKeyId"]) == ("key", "key")
