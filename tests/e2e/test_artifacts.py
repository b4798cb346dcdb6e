"""The bytes that were approved are the bytes that run: exchanged artifacts, and roles that try to exchange them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cli.batch import run as predict_batch
from cli.errors import CliError
from tests.e2e.conftest import MODEL, QUIET, Platform
from tracking.artifacts import Artifact, artifact_of
from tracking.run import Run

Rows = Callable[..., Path]
OTHER = "breast_cancer"
"""A model of the same environment."""


@pytest.fixture(scope="module")
def live(platform: Platform, housing: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    header, *rows = housing.read_text().splitlines()
    file = tmp_path_factory.mktemp("artifacts") / "train.csv"
    file.write_text("\n".join([header, *rows[:6000]]) + "\n")
    trained = platform.run(file)
    assert trained.state == "live", trained.reason
    return trained


@pytest.fixture(scope="module")
def artifact(platform: Platform, live: Run) -> Artifact:
    """Of the version that is live."""
    sagemaker, group = platform.target.client("sagemaker"), platform.target.resource_name(MODEL)
    packages = sagemaker.list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"]
    (arn,) = (one["ModelPackageArn"] for one in packages if one["ModelPackageVersion"] == live.model_version)
    return artifact_of(sagemaker.describe_model_package(ModelPackageName=arn))


def body_of(platform: Platform, place: dict[str, str]) -> bytes:
    body: bytes = platform.target.client("s3").get_object(**place)["Body"].read()
    return body


def as_role(platform: Platform, name: str) -> Any:
    """S3 as a role of the environment, named by its logical id's start."""
    iam, sts = platform.target.client("iam"), platform.target.client("sts")
    role = next(one for one in iam.list_roles()["Roles"] if name in one["RoleName"])
    before, account = role["AssumeRolePolicyDocument"], sts.get_caller_identity()["Account"]
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}}
    document = {"Version": "2012-10-17", "Statement": [trust]}
    iam.update_assume_role_policy(RoleName=role["RoleName"], PolicyDocument=json.dumps(document))
    try:
        keys = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="attack")["Credentials"]
    finally:
        iam.update_assume_role_policy(RoleName=role["RoleName"], PolicyDocument=json.dumps(before))
    cloud = platform.here.cloud
    return cloud.session().client(
        "s3",
        endpoint_url=cloud.endpoint,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )


def refusal(call: Callable[..., Any], **request: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**request)
    return str(refused.value.response["Error"]["Code"])


def test_a_version_is_registered_with_the_digest_of_its_bytes(platform: Platform, artifact: Artifact) -> None:
    assert artifact.uri.endswith(f"/{MODEL}/models/{artifact.sha256}/model.tar.gz")
    assert hashlib.sha256(body_of(platform, artifact.place)).hexdigest() == artifact.sha256
    assert body_of(platform, artifact.pinned) == body_of(platform, artifact.place)


@pytest.mark.parametrize("role", ["PrepareRole", "TrainRole", "EvaluateRole", "BatchModelRole"])
def test_no_job_writes_over_a_version_or_below_another_model(platform: Platform, artifact: Artifact, role: str) -> None:
    s3 = as_role(platform, f"{role}CaliforniaHousing")
    for condition in ({}, {"IfNoneMatch": "*"}):
        assert refusal(s3.put_object, **artifact.place, Body=b"x", **condition) == "AccessDenied"
    bucket = artifact.place["Bucket"]
    for path in ("trained/x", "models/x/model.tar.gz", "e/prepare/train/x", "e/evaluation/x", "batch/b/output/x"):
        assert refusal(s3.put_object, Bucket=bucket, Key=f"{OTHER}/{path}", Body=b"x") == "AccessDenied"


def test_not_even_the_function_that_keeps_artifacts_writes_one_twice(platform: Platform, artifact: Artifact) -> None:
    s3 = as_role(platform, "KeepModelRole")
    assert refusal(s3.put_object, **artifact.place, Body=b"x") == "AccessDenied"
    assert refusal(s3.put_object, **artifact.place, Body=b"x", IfNoneMatch="*") == "PreconditionFailed"
    upload = {**artifact.place, "UploadId": s3.create_multipart_upload(**artifact.place)["UploadId"]}
    part = s3.upload_part(**upload, PartNumber=1, Body=b"x")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": part}]}
    assert refusal(s3.complete_multipart_upload, **upload, MultipartUpload=parts) == "AccessDenied"


def test_an_artifact_that_the_account_exchanged_is_not_used(
    platform: Platform, artifact: Artifact, rows_file: Rows, tmp_path: Path
) -> None:
    """By somebody with every right. The champion of the next run is what was registered, all the same."""
    s3, place = platform.target.client("s3"), artifact.place
    exchanged = s3.put_object(**place, Body=b"exchanged")["VersionId"]
    try:
        file = tmp_path / "rows.csv"
        file.write_text(rows_file(seed=31, rows=20).read_text())
        with pytest.raises(CliError) as refused:
            predict_batch(
                platform.target,
                model=MODEL,
                file=file,
                to=tmp_path / "out.csv",
                console=QUIET,
                alive=platform.here.cloud.check,
            )
        assert f"its SHA-256 is {hashlib.sha256(b'exchanged').hexdigest()}" in refused.value.message
        assert f"registered was {artifact.sha256}" in refused.value.message
        challenger = platform.run(rows_file(seed=32, rows=6000))
        assert challenger.evaluation is not None, challenger.reason
        assert challenger.evaluation["champion"]["verdict"] in ("better", "not_worse", "worse")
    finally:
        s3.delete_object(**place, VersionId=exchanged)
