"""What `mlops destroy` ends before it removes anything that it needs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.stub import Stubber

from cli import teardown
from cli.target import Target

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def summary(name: str) -> dict[str, Any]:
    arn = f"arn:aws:sagemaker:eu-west-1:111122223333:transform-job/{name}"
    return {
        "TransformJobName": name,
        "TransformJobArn": arn,
        "CreationTime": NOW,
        "TransformJobStatus": "InProgress",
    }


def test_running_batches_are_stopped_and_those_of_others_are_not() -> None:
    session = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="eu-west-1")
    target = Target(stage="dev", session=session, endpoint="http://127.0.0.1:9")
    described = {
        **summary("mlops-dev-a-1"),
        "TransformJobStatus": "Stopped",
        "ModelName": "m",
        "TransformInput": {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://a"}}},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    }
    with Stubber(target.client("sagemaker")) as sagemaker:
        listed = {"TransformJobSummaries": [summary("mlops-dev-a-1"), summary("my-mlops-dev-job")]}
        asked = {"NameContains": "mlops-dev-", "StatusEquals": "InProgress"}
        sagemaker.add_response("list_transform_jobs", listed, asked)
        sagemaker.add_response("stop_transform_job", {}, {"TransformJobName": "mlops-dev-a-1"})
        sagemaker.add_response("describe_transform_job", described, {"TransformJobName": "mlops-dev-a-1"})
        teardown._stop_batches(target)
        sagemaker.assert_no_pending_responses()
