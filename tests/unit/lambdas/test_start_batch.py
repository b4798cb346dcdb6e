"""start_batch: each file below batch/<model>/ starts one transform, or ends with a recorded reason."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import ANY, Stubber
from moto import mock_aws

from contract import Contract, Recipe, batch_id
from tests.unit.lambdas.loading import load_function

NOW = datetime(2026, 1, 2, tzinfo=UTC)
MODEL = "california_housing"
GROUP = "mlops-dev-california-housing"
PACKAGE = f"arn:aws:sagemaker:eu-west-1:111122223333:model-package/{GROUP}/7"
ROLE = "arn:aws:iam::111122223333:role/batch"
JOB_ARN = "arn:aws:sagemaker:eu-west-1:111122223333:transform-job/t"
QUEUE = "https://sqs.eu-west-1.amazonaws.com/111122223333/batch"
TOPIC = "arn:aws:sns:eu-west-1:111122223333:alerts"
KEY = f"batch/{MODEL}/2026/rows (1).csv"
COLUMNS = (
    "longitude,latitude,housing_median_age,total_rooms,total_bedrooms,population,households,median_income,"
    "ocean_proximity,id"
)
GOOD = f"{COLUMNS}\n-122.23,37.88,41,880,129,322,126,8.3252,NEAR BAY,1\n".encode()
CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 60_000)
# More than is looked at before a file is rewritten, packed too.
DIFFERENT = b"".join(b"1,2,3,4,5,6,7,8,INLAND,%s\n" % sha256(b"%d" % n).hexdigest().encode() for n in range(3000))
WRITTEN = {"delimiter": ",", "decimal": ".", "encoding": "utf-8"}
ARTIFACT = f"{MODEL}/models/abc/model.tar.gz"
ARTIFACT_URI = f"s3://artifact/{ARTIFACT}"
TAGS = [{"Key": "model", "Value": MODEL}, {"Key": "model_version", "Value": "7"}]


@pytest.fixture
def function() -> Iterator[SimpleNamespace]:
    environment = {
        "RESOURCE_PREFIX": "mlops-dev-",
        "ARTIFACT_BUCKET": "artifact",
        "MODEL_ROLE_ARNS": json.dumps({MODEL: ROLE}),
        "INSTANCE_TYPE": "ml.m5.large",
        "STAGE": "dev",
        "ALERTS_TOPIC_ARN": TOPIC,
        "BATCH_QUEUE_URL": QUEUE,
    }
    with mock_aws():
        function = load_function("start_batch", environment)
        versioning = {"Status": "Enabled"}
        for bucket in ("raw", "artifact"):
            location = {"LocationConstraint": "eu-west-1"}
            function.handler.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=location)
            function.handler.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=versioning)
        trained(function, function.handler.DEPLOYED[MODEL])
        yield function


def trained(function: SimpleNamespace, contract: Contract, key: str = ARTIFACT) -> None:
    """The artifact of a version with this contract."""
    names = [item.name for item in (*contract.numeric, *contract.derived)]
    ones = dict.fromkeys(names, 1.0)
    recipe = Recipe.fitted(contract, impute=ones, fences={}, mean=ones, std=ones)
    packed(function, {"./model.ubj": b"trees", "./recipe.json": recipe.to_json().encode()}, key)


def packed(function: SimpleNamespace, files: Mapping[str, bytes], key: str = ARTIFACT) -> None:
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    function.handler.s3.put_object(Bucket="artifact", Key=key, Body=body.getvalue())


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


def expect_newest(
    sagemaker: Stubber, *numbers: int, artifact: str = ARTIFACT, metadata: Mapping[str, str] | None = None
) -> None:
    request = {
        "ModelPackageGroupName": GROUP,
        "ModelApprovalStatus": "Approved",
        "SortBy": "CreationTime",
        "SortOrder": "Descending",
    }
    found = [described(number, artifact, metadata=metadata) for number in numbers]
    sagemaker.add_response(
        "list_model_packages", {"ModelPackageSummaryList": [summary for summary, _ in found]}, request
    )
    for summary, package in found:
        sagemaker.add_response("describe_model_package", package, {"ModelPackageName": summary["ModelPackageArn"]})


def described(
    number: int, artifact: str, approval: str = "Approved", metadata: Mapping[str, str] | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Summary and description of a version."""
    summary = {
        "ModelPackageArn": PACKAGE.replace("/7", f"/{number}"),
        "ModelPackageVersion": number,
        "CreationTime": NOW,
        "ModelPackageStatus": "Completed",
    }
    container = {
        "Image": "image",
        "ModelDataUrl": f"s3://artifact/{artifact}",
        "Environment": {"SAGEMAKER_PROGRAM": "i.py"},
    }
    return summary, {
        **summary,
        "ModelPackageName": f"{GROUP}/{number}",
        "ModelApprovalStatus": approval,
        "ModelPackageStatusDetails": {"ValidationStatuses": []},
        "InferenceSpecification": {"Containers": [container]},
        "CustomerMetadataProperties": dict(metadata or {}),
    }


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
        "MaxPayloadInMB": 6,
        "Environment": {"BATCH_COLUMNS": json.dumps(COLUMNS.split(",")), "BATCH_FORMAT": json.dumps(WRITTEN)},
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
    function.handler.handler(event, CONTEXT)
    copied = f"{MODEL}/batch/{batch_of(event)}/input/rows.csv"
    assert function.handler.s3.get_object(Bucket="artifact", Key=copied)["Body"].read() == GOOD
    request = document(function, event, "request.json")
    assert (request["key"], request["size"], request["model_version"]) == (KEY, len(GOOD), 7)
    assert request["columns"] == COLUMNS.split(",")
    contract = function.handler.DEPLOYED[MODEL]
    assert (request["model_package"], request["contract_hash"]) == (PACKAGE, contract.hash)


RENAMED, AGE = "age_of_houses", "housing_median_age"


def of_another_contract(function: SimpleNamespace) -> Contract:
    """Version 7 was trained by: one feature renamed, one more, one less, and files with semicolons and `-9`."""
    contract: Contract = function.handler.DEPLOYED[MODEL]
    added = replace(contract.features[0], name="lot_area", min=None, max=None, default=None)
    features = tuple(
        replace(item, name=RENAMED) if item.name == AGE else item
        for item in contract.features
        if item.name != "total_bedrooms"
    )
    derived = tuple(item for item in contract.derived if "bedrooms" not in item.expression.text)
    data = replace(contract.data, delimiter=";", missing=("-9",))
    other = replace(contract, features=(*features, added), derived=derived, data=data)
    trained(function, other)
    return other


def test_a_file_is_read_by_the_contract_of_the_version(function: SimpleNamespace, sagemaker: Stubber) -> None:
    """The deployed contract would refuse it: it has other columns, and knows nothing of semicolons alone."""
    other = of_another_contract(function)
    header = ";".join(feature.column or feature.name for feature in other.features)
    body = f"{header}\n-122,2;37;41;880;322;126;8,3;NEAR BAY;-9\n".encode()
    event = put(function, body)
    expect_any_start(sagemaker)
    function.handler.handler(event, CONTEXT)
    request = document(function, event, "request.json")
    assert (request["model_version"], request["contract_hash"]) == (7, other.hash)
    assert request["columns"] == header.split(";")
    assert request["format"]["declared"] == ["delimiter"]
    assert other.hash != function.handler.DEPLOYED[MODEL].hash


def test_a_file_for_another_contract_is_refused_with_the_version_and_the_columns(
    function: SimpleNamespace, sagemaker: Stubber, sns: Stubber
) -> None:
    of_another_contract(function)
    event = put(function, GOOD.replace(b",", b";"))
    expect_no_job(sagemaker)
    expect_newest(sagemaker, 7)
    expect_alert(sns, "refused")
    function.handler.handler(event, CONTEXT)
    result = document(function, event, "result.json")
    assert (result["state"], result["model_version"], len(result["contract_hash"])) == ("refused", 7, 64)
    assert result["reason"].startswith(
        "rows (1).csv: version 7 of california_housing, which would predict it, reads other columns: "
        f"line 1, the header, lacks {RENAMED}, lot_area; "
        f"add what is missing; not known: '{AGE}', 'total_bedrooms', 'id'"
    )
    assert "The contract that is deployed reads it: train a version by that contract and approve it" in result["reason"]


def test_a_column_that_no_contract_knows_gets_no_such_hint(
    function: SimpleNamespace, sagemaker: Stubber, sns: Stubber
) -> None:
    event = put(function, GOOD.replace(b"population", b"people"))
    expect_no_job(sagemaker)
    expect_newest(sagemaker, 7)
    expect_alert(sns, "refused")
    function.handler.handler(event, CONTEXT)
    reason = document(function, event, "result.json")["reason"]
    assert "version 7 of california_housing, which would predict it, reads other columns" in reason
    assert "deployed" not in reason


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"model.ubj": b"trees"}, "its artifact holds no recipe.json"),
        ({"recipe.json": b"{"}, "its recipe.json cannot be used (recipe.json is not valid JSON"),
        (None, "its artifact is not a whole tar.gz archive ("),
    ],
)
def test_a_version_whose_contract_cannot_be_read_predicts_nothing(
    function: SimpleNamespace, sagemaker: Stubber, sns: Stubber, files: dict[str, bytes] | None, reason: str
) -> None:
    if files is None:
        function.handler.s3.put_object(Bucket="artifact", Key=ARTIFACT, Body=b"no archive")
    else:
        packed(function, files)
    event = put(function, GOOD)
    expect_no_job(sagemaker)
    expect_newest(sagemaker, 7)
    expect_alert(sns, "refused")
    function.handler.handler(event, CONTEXT)
    said = document(function, event, "result.json")["reason"]
    assert f"the contract of version 7 of california_housing cannot be read: {reason}" in said


def test_a_version_that_was_rejected_meanwhile_is_chosen_no_more(function: SimpleNamespace, sagemaker: Stubber) -> None:
    event = put(function, GOOD)
    expect_no_job(sagemaker)
    expect_newest(sagemaker, 7)
    expect_model(sagemaker, exists=True)
    sagemaker.add_client_error("create_transform_job", "InternalFailure", "later", http_status_code=500)
    with pytest.raises(ClientError):
        function.handler.handler(event, CONTEXT)
    key = f"{MODEL}/batch/{batch_of(event)}/input/rows.csv"
    function.handler.s3.put_object(Bucket="artifact", Key=key, Body=b"by version 7")
    expect_no_job(sagemaker)
    rejected = described(7, ARTIFACT, "Rejected")[1]
    sagemaker.add_response("describe_model_package", rejected, {"ModelPackageName": PACKAGE})
    expect_newest(sagemaker, 6)
    expect_model(sagemaker, exists=True)
    sagemaker.add_response("create_transform_job", {"TransformJobArn": JOB_ARN})
    function.handler.handler(event, CONTEXT)
    assert rewritten(function, event) == GOOD
    assert document(function, event, "request.json")["model_version"] == 6


def registered(function: SimpleNamespace) -> dict[str, str]:
    """What the registry knows of the artifact that stands in its place."""
    found = function.handler.s3.get_object(Bucket="artifact", Key=ARTIFACT)
    return {"artifact_sha256": sha256(found["Body"].read()).hexdigest(), "artifact_version": found["VersionId"]}


def test_the_bytes_that_were_registered_are_used(function: SimpleNamespace, sagemaker: Stubber) -> None:
    event = put(function, GOOD)
    expect_no_job(sagemaker)
    expect_newest(sagemaker, 7, metadata=registered(function))
    expect_model(sagemaker)
    expect_start(sagemaker, event)
    function.handler.handler(event, CONTEXT)


def test_an_artifact_that_was_exchanged_after_its_approval_predicts_nothing(
    function: SimpleNamespace, sagemaker: Stubber, sns: Stubber
) -> None:
    event, metadata = put(function, GOOD), registered(function)
    function.handler.s3.put_object(Bucket="artifact", Key=ARTIFACT, Body=b"exchanged")
    expect_no_job(sagemaker)
    expect_newest(sagemaker, 7, metadata=metadata)
    expect_alert(sns, "refused")
    function.handler.handler(event, CONTEXT)
    reason = document(function, event, "result.json")["reason"]
    assert f"version 7 cannot be used. Its artifact {ARTIFACT_URI} was exchanged" in reason
    assert sha256(b"exchanged").hexdigest() in reason
    assert metadata["artifact_sha256"] in reason


@pytest.mark.parametrize("pinned", [True, False], ids=["registered with its digest", "registered before that"])
def test_an_artifact_that_is_gone_is_told(
    function: SimpleNamespace, sagemaker: Stubber, sns: Stubber, pinned: bool
) -> None:
    event, metadata = put(function, GOOD), {"run_id": "run7", **(registered(function) if pinned else {})}
    function.handler.s3.delete_object(Bucket="artifact", Key=ARTIFACT)
    expect_no_job(sagemaker)
    expect_newest(sagemaker, 7, metadata=metadata)
    expect_alert(sns, "refused")
    function.handler.handler(event, CONTEXT)
    reason = document(function, event, "result.json")["reason"]
    assert reason.endswith(
        f"version 7 cannot be used: its artifact {ARTIFACT_URI} is gone. It is made again by: mlops retry run7 --fresh"
    )


def test_a_version_that_nothing_can_serve_is_refused(
    function: SimpleNamespace, sagemaker: Stubber, sns: Stubber
) -> None:
    event = put(function, GOOD)
    expect_no_job(sagemaker)
    summary, package = described(7, ARTIFACT)
    del package["InferenceSpecification"]
    sagemaker.add_response("list_model_packages", {"ModelPackageSummaryList": [summary]})
    sagemaker.add_response("describe_model_package", package)
    sns.add_response("publish", {"MessageId": "1"})
    function.handler.handler(event, CONTEXT)
    found = document(function, event, "result.json")
    assert (found["state"], found["reason"]) == (
        "refused",
        "rows (1).csv: version 7 cannot be used. It was registered with no container: a version is served by one. "
        "Reject it, then upload the file again",
    )


def test_a_version_that_was_deleted_is_refused(function: SimpleNamespace, sagemaker: Stubber, sns: Stubber) -> None:
    event = put(function, GOOD)
    version = json.loads(event["Records"][0]["body"])["detail"]["object"]["version-id"]
    function.handler.s3.delete_object(Bucket="raw", Key=KEY, VersionId=version)
    expect_no_job(sagemaker)
    expect_newest(sagemaker, 7)
    expect_alert(sns, "refused")
    function.handler.handler(event, CONTEXT)
    result = document(function, event, "result.json")
    assert result["state"] == "refused"
    assert result["reason"].endswith("the uploaded version is no longer there; upload the file again")


def test_a_model_that_an_earlier_batch_made_is_used_again(function: SimpleNamespace, sagemaker: Stubber) -> None:
    event = put(function, GOOD)
    expect_no_job(sagemaker)
    expect_newest(sagemaker, 7)
    expect_model(sagemaker, exists=True)
    expect_start(sagemaker, event)
    function.handler.handler(event, CONTEXT)


def test_two_files_at_once_after_an_approval_are_both_predicted(function: SimpleNamespace, sagemaker: Stubber) -> None:
    event = put(function, GOOD)
    expect_no_job(sagemaker)
    expect_newest(sagemaker, 7)
    expect_model(sagemaker, raced=True)
    expect_start(sagemaker, event)
    function.handler.handler(event, CONTEXT)


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
    function.handler.handler(event, CONTEXT)


def test_two_deliveries_at_once_start_one_job(function: SimpleNamespace, sagemaker: Stubber) -> None:
    event = put(function, GOOD)
    expect_no_job(sagemaker)
    expect_newest(sagemaker, 7)
    expect_model(sagemaker, exists=True)
    sagemaker.add_client_error("create_transform_job", "ResourceInUse", "Job name must be unique")
    function.handler.handler(event, CONTEXT)


def test_without_an_approved_version_the_file_is_refused(
    function: SimpleNamespace, sagemaker: Stubber, sns: Stubber
) -> None:
    event = put(function, GOOD)
    expect_no_job(sagemaker)
    expect_newest(sagemaker)
    expect_alert(sns, "refused")
    function.handler.handler(event, CONTEXT)
    result = document(function, event, "result.json")
    assert (result["state"], result["model"], result["key"]) == ("refused", MODEL, KEY)
    assert result["reason"] == (
        "rows (1).csv: no version of california_housing is approved; train and approve one, then upload the file again"
    )


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "the file is empty; upload a CSV file with a header and rows"),
        (GOOD.replace(b"population", b"people"), "lacks population; add what is missing; not known: 'people', 'id'"),
        (b"\x1f\x8b\x08", "a gzip archive that ends too early; upload it again"),
        (b"PK\x03\x04 and so on", "not a CSV file but a zip archive or a spreadsheet; save it as CSV"),
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
    expect_newest(sagemaker, 7)
    expect_alert(sns, "refused")
    function.handler.handler(event, CONTEXT)
    assert reason in document(function, event, "result.json")["reason"]


@pytest.mark.parametrize(
    ("body", "seconds", "reason"),
    [
        (f"{COLUMNS}\n \r\n,,,\n# nothing\n".encode(), 60, "a header and no row below it; upload a file with data"),
        (
            gzip.compress(GOOD + DIFFERENT, mtime=0)[:-20],
            60,
            "a gzip archive that ends too early; upload it again",
        ),
        (GOOD, 0, "it takes too long to be rewritten"),
    ],
)
def test_what_is_found_while_a_file_is_rewritten_refuses_it(
    function: SimpleNamespace, sagemaker: Stubber, sns: Stubber, body: bytes, seconds: int, reason: str
) -> None:
    event = put(function, body)
    expect_no_job(sagemaker)
    expect_newest(sagemaker, 7)
    expect_alert(sns, "refused")
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: seconds * 1000)
    function.handler.handler(event, context)
    assert reason in document(function, event, "result.json")["reason"]


def expect_any_start(sagemaker: Stubber) -> None:
    expect_no_job(sagemaker)
    expect_newest(sagemaker, 7)
    expect_model(sagemaker, exists=True)
    sagemaker.add_response("create_transform_job", {"TransformJobArn": JOB_ARN})


def rewritten(function: SimpleNamespace, event: dict[str, Any], name: str = "rows.csv") -> bytes:
    key = f"{MODEL}/batch/{batch_of(event)}/input/{name}"
    body: bytes = function.handler.s3.get_object(Bucket="artifact", Key=key)["Body"].read()
    return body


def test_a_file_is_rewritten_to_one_record_a_line(function: SimpleNamespace, sagemaker: Stubber) -> None:
    row = GOOD.split(b"\n")[1]
    lines = [b"# made by hand", COLUMNS.encode(), row, b"", row[:-1] + b'"a\nb"', b",,,,,,,,,", b"# end", row]
    event = put(function, gzip.compress(b"\n".join(lines), mtime=0))
    expect_any_start(sagemaker)
    function.handler.handler(event, CONTEXT)
    assert rewritten(function, event) == b"\n".join((COLUMNS.encode(), row, row[:-1] + b'"a\x1bnb"', row, b""))
    # Row 1 stands on line 3, row 2 on line 5, row 3 on line 9.
    assert gzip.decompress(rewritten(function, event, "lines.gz")) == b"1 1\n1 1\n1 3\n"
    request = document(function, event, "request.json")
    assert (request["rows"], request["renumbered"], request["format"]["compression"]) == (3, True, "gzip")


def test_bytes_that_are_no_text_in_an_ignored_column_are_a_warning(
    function: SimpleNamespace, sagemaker: Stubber
) -> None:
    event = put(function, GOOD.replace(b"BAY,1", b"BAY,\xe9"))
    expect_any_start(sagemaker)
    function.handler.handler(event, CONTEXT)
    assert document(function, event, "request.json")["warnings"] == [
        "one row has bytes that are no UTF-8 text in a column that is not used, first line 2, id"
    ]


def test_the_job_is_told_how_the_file_is_written(function: SimpleNamespace) -> None:
    text = GOOD.decode().replace(",", ";").replace(".", ",").replace("1\n", "\u20ac\n")
    contract = function.handler.DEPLOYED[MODEL]
    layout = function.logic.layout_in(contract, text.encode("utf-16"), size=1000)
    environment = function.logic.environment_of(layout)
    assert json.loads(environment["BATCH_FORMAT"]) == {"delimiter": ";", "decimal": ",", "encoding": "utf-16-le"}
    assert json.loads(environment["BATCH_COLUMNS"]) == COLUMNS.split(",")
    pieces = function.rewriting.Rewriter(layout, limit=1000).pieces([text.encode("utf-16")])
    assert b"".join(pieces).decode() == text


def test_a_file_that_is_rewritten_already_is_not_rewritten_again(function: SimpleNamespace, sagemaker: Stubber) -> None:
    event = put(function, GOOD)
    expect_no_job(sagemaker)
    expect_newest(sagemaker, 7)
    expect_model(sagemaker, exists=True)
    sagemaker.add_client_error("create_transform_job", "InternalFailure", "later", http_status_code=500)
    with pytest.raises(ClientError):
        function.handler.handler(event, CONTEXT)
    key = f"{MODEL}/batch/{batch_of(event)}/input/rows.csv"
    function.handler.s3.put_object(Bucket="artifact", Key=key, Body=b"as it was left")
    # The version is that of the first delivery, whatever was approved since.
    expect_no_job(sagemaker)
    sagemaker.add_response("describe_model_package", described(7, ARTIFACT)[1], {"ModelPackageName": PACKAGE})
    expect_model(sagemaker, exists=True)
    sagemaker.add_response("create_transform_job", {"TransformJobArn": JOB_ARN})
    function.handler.handler(event, CONTEXT)
    assert rewritten(function, event) == b"as it was left"
    assert document(function, event, "request.json")["rows"] == 1


def test_a_parquet_file_goes_as_it_is(function: SimpleNamespace, sagemaker: Stubber, sns: Stubber) -> None:
    event = put(function, b"PAR1 and so on")
    expect_any_start(sagemaker)
    function.handler.handler(event, CONTEXT)
    assert rewritten(function, event) == b"PAR1 and so on"
    upload = function.logic.upload_of(event["Records"][0]["body"])
    job = function.logic.Batch(upload, resource="r", bucket="artifact").job_request(
        "m", None, instance="ml.m5.large", version=7
    )
    source = job["TransformInput"]
    assert (source["ContentType"], source["SplitType"]) == ("application/x-parquet", "None")
    assert (job["BatchStrategy"], job["MaxPayloadInMB"], job["MaxConcurrentTransforms"]) == ("SingleRecord", 100, 1)
    assert job["Environment"] == {"BATCH_FORMAT": "{}"}


def test_a_parquet_file_that_is_too_large_is_refused(function: SimpleNamespace) -> None:
    contract = function.handler.DEPLOYED[MODEL]
    with pytest.raises(function.logic.Refused, match="split it, or write it as CSV"):
        function.logic.layout_in(contract, b"PAR1", size=104_857_601)


KEYS = [
    "a b.csv",
    "100%25 sure.csv",
    "100%20sure+more.csv",
    "what?#now [x].csv",
    "caf\u00e9 \U0001f600.csv",
    "quote\"and'back\\slash.csv",
    f"{'long/' * 175}rows.csv",
]


@pytest.mark.parametrize("name", KEYS)
def test_any_key_goes_its_way(function: SimpleNamespace, sagemaker: Stubber, name: str) -> None:
    event = put(function, GOOD, f"batch/{MODEL}/{name}")
    expect_any_start(sagemaker)
    function.handler.handler(event, CONTEXT)
    assert rewritten(function, event) == GOOD
    assert document(function, event, "request.json")["key"] == f"batch/{MODEL}/{name}"


def test_a_file_that_one_copy_cannot_hold_is_refused(
    function: SimpleNamespace, sagemaker: Stubber, sns: Stubber
) -> None:
    event = delivered(KEY, "v1", 5 * 1024**3 + 1)
    expect_no_job(sagemaker)
    expect_alert(sns, "refused")
    function.handler.handler(event, CONTEXT)
    reason = document(function, event, "result.json")["reason"]
    assert reason == "rows (1).csv: the file has 5,368,709,121 bytes, a batch at most 5,368,709,120; split it"


def test_a_refused_call_is_recorded_and_told(function: SimpleNamespace, sagemaker: Stubber, sns: Stubber) -> None:
    event = put(function, GOOD)
    expect_no_job(sagemaker)
    expect_newest(sagemaker, 7)
    expect_model(sagemaker, exists=True)
    sagemaker.add_client_error("create_transform_job", "AccessDeniedException", "role may not")
    expect_alert(sns, "failed")
    function.handler.handler(event, CONTEXT)
    result = document(function, event, "result.json")
    assert result["state"] == "failed"
    assert result["reason"].startswith("The transform could not be started: ")
    assert "role may not" in result["reason"]


@pytest.mark.parametrize(("code", "status"), [("ThrottlingException", 400), ("InternalFailure", 500)])
def test_what_may_pass_is_delivered_again(
    function: SimpleNamespace, sagemaker: Stubber, code: str, status: int
) -> None:
    event = put(function, GOOD)
    expect_no_job(sagemaker)
    expect_newest(sagemaker, 7)
    expect_model(sagemaker, exists=True)
    sagemaker.add_client_error("create_transform_job", code, "later", http_status_code=status)
    with pytest.raises(ClientError):
        function.handler.handler(event, CONTEXT)
    listed = function.handler.s3.list_objects_v2(Bucket="artifact", Prefix=MODEL)["Contents"]
    assert not [item["Key"] for item in listed if item["Key"].endswith("result.json")]


def test_a_file_that_finds_no_instance_waits_and_is_no_failure(
    function: SimpleNamespace, sagemaker: Stubber, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often: it is sent anew, so that no attempt is used up and it does not grow old in its queue."""
    sent = list[dict[str, Any]]()
    monkeypatch.setattr(function.handler, "sqs", SimpleNamespace(send_message=lambda **message: sent.append(message)))
    event = put(function, GOOD)
    for again in range(3):
        expect_no_job(sagemaker)
        if again:
            sagemaker.add_response("describe_model_package", described(7, ARTIFACT)[1], {"ModelPackageName": PACKAGE})
        else:
            expect_newest(sagemaker, 7)
        expect_model(sagemaker, exists=True)
        sagemaker.add_client_error("create_transform_job", "ResourceLimitExceeded", "full", http_status_code=400)
        function.handler.handler(event, CONTEXT)
    message = {"QueueUrl": QUEUE, "MessageBody": event["Records"][0]["body"], "DelaySeconds": 300}
    assert sent == [message] * 3
    listed = function.handler.s3.list_objects_v2(Bucket="artifact", Prefix=MODEL)["Contents"]
    assert not [item["Key"] for item in listed if item["Key"].endswith("result.json")]


def test_a_file_for_no_model_is_told(function: SimpleNamespace, sns: Stubber) -> None:
    expect_alert(sns, "refused", "an unknown model")
    function.handler.handler(put(function, GOOD, "batch/café/rows.csv"), CONTEXT)
    listed = function.handler.s3.list_objects_v2(Bucket="artifact")["Contents"]
    assert [item["Key"] for item in listed] == [ARTIFACT]


def test_a_folder_is_no_file(function: SimpleNamespace, sagemaker: Stubber) -> None:
    function.handler.handler(delivered(f"batch/{MODEL}/", "v1", 0), CONTEXT)


@pytest.mark.parametrize("body", ["{", "{}", '{"detail": {"bucket": {"name": "raw"}, "object": {"key": "k"}}}'])
def test_another_message_is_an_error(function: SimpleNamespace, body: str) -> None:
    with pytest.raises(function.logic.MalformedEventError):
        function.handler.handler({"Records": [{"body": body}]}, CONTEXT)


def test_names_fit_into_63_characters(function: SimpleNamespace) -> None:
    resource = f"mlops-prod-{'m' * 40}"
    upload = function.logic.Upload(model="m" * 40, bucket="raw", key="k", version_id="v", size=1)
    assert len(function.logic.Batch(upload, resource=resource, bucket="artifact").job) == 63
    package = function.versions.Package(PACKAGE, 99_999, {})
    request = function.logic.model_request(package, model="m", resource=resource, role_arn=ROLE)
    assert len(request["ModelName"]) == 63


def test_key_and_network_of_the_environment_go_with_the_requests(function: SimpleNamespace) -> None:
    vpc = {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}
    package = function.versions.Package(PACKAGE, 7, {})

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
    job = batch.job_request("m", None, instance="ml.m5.large", version=7, key="key")
    assert (job["TransformOutput"]["KmsKeyId"], job["TransformResources"]["VolumeKmsKeyId"]) == ("key", "key")


def test_many_models_share_a_role(function: SimpleNamespace) -> None:
    settings = function.handler.SETTINGS
    assert settings.role_of(MODEL) == ROLE
    shared = replace(settings, model_roles={"*": "arn:aws:iam::111122223333:role/all"})
    assert shared.role_of(MODEL) == "arn:aws:iam::111122223333:role/all"
