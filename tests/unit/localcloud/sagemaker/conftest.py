"""A local cloud for all tests of the local SageMaker, with a bucket and the roles of pipelines and jobs."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from localcloud.host import LocalCloud
from tests.unit.localcloud.sagemaker.support import (
    BUCKET,
    IMAGE,
    INFERENCE,
    JOB_POLICY,
    PIPELINE_POLICY,
    ROLES,
    SERVERLESS,
    Pipelines,
    create_role,
    model_archive,
    until,
)

ROOT = Path(__file__).resolve().parents[4]
LAMBDA_PYTHONS = (
    os.environ.get("LAMBDA_PYTHON", ""),
    str(ROOT / ".venv-lambda/bin/python"),
    "/tmp/lambda-venv/bin/python",
)


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    python = next((Path(text) for text in LAMBDA_PYTHONS if text and Path(text).exists()), None)
    if python is None:
        pytest.skip("there is no Python environment for Lambda functions")
    with LocalCloud(state_dir=tmp_path_factory.mktemp("sagemaker"), lambda_python=python) as started:
        started.client("s3").create_bucket(Bucket=BUCKET)
        create_role(started, "job", JOB_POLICY)
        create_role(started, "pipeline", PIPELINE_POLICY)
        yield started


@pytest.fixture(scope="session")
def sagemaker(cloud: LocalCloud) -> Any:
    return cloud.client("sagemaker")


@pytest.fixture(scope="session")
def s3(cloud: LocalCloud) -> Any:
    return cloud.client("s3")


@pytest.fixture(scope="session")
def roles() -> dict[str, str]:
    return {name: f"arn:aws:iam::000000000000:role/{name}" for name in ("job", "pipeline")}


@pytest.fixture(scope="session")
def pipelines(cloud: LocalCloud, roles: dict[str, str]) -> Pipelines:
    return Pipelines(cloud, roles["pipeline"])


@pytest.fixture(scope="session")
def model_data(s3: Any) -> str:
    s3.put_object(Bucket=BUCKET, Key="double/model.tar.gz", Body=model_archive(2.0))
    return f"s3://{BUCKET}/double/model.tar.gz"


@pytest.fixture(scope="session")
def runtime(cloud: LocalCloud) -> Any:
    return cloud.client("sagemaker-runtime")


@pytest.fixture(scope="session")
def config(sagemaker: Any, s3: Any) -> Callable[..., str]:
    """Makes a model of a weight and an endpoint configuration of it; both get the name."""

    def make(name: str, *, weight: float = 2.0, inference: str = INFERENCE, **variant: Any) -> str:
        s3.put_object(Bucket=BUCKET, Key=f"{name}/model.tar.gz", Body=model_archive(weight, inference))
        environment = {"SAGEMAKER_PROGRAM": "inference.py", "MODEL_VERSION": name}
        container = {
            "Image": IMAGE,
            "ModelDataUrl": f"s3://{BUCKET}/{name}/model.tar.gz",
            "Environment": environment | {"SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"},
        }
        sagemaker.create_model(ModelName=name, ExecutionRoleArn=f"{ROLES}/job", PrimaryContainer=container)
        production = {"VariantName": "AllTraffic", "ModelName": name, **(variant or SERVERLESS)}
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[production])
        return name

    return make


class Bus:
    """The events of SageMaker that reached a queue."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._sqs = cloud.client("sqs")
        self._queue = self._sqs.create_queue(QueueName="sagemaker-events")["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])["Attributes"][
            "QueueArn"
        ]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self._sqs.set_queue_attributes(QueueUrl=self._queue, Attributes={"Policy": policy})
        events = cloud.client("events")
        events.put_rule(Name="sagemaker", EventPattern=json.dumps({"source": ["aws.sagemaker"]}))
        events.put_targets(Rule="sagemaker", Targets=[{"Id": "queue", "Arn": arn}])
        self._seen: list[dict[str, Any]] = []

    def details(self, kind: str, *, wanted: int, **match: str) -> list[dict[str, Any]]:
        """Details of at least `wanted` events of a kind whose fields match, in the order of their arrival."""

        def enough() -> list[dict[str, Any]]:
            answer = self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10)
            for message in answer.get("Messages", []):
                self._seen.append(json.loads(message["Body"]))
                self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
            found = [event["detail"] for event in self._seen if event["detail-type"] == kind]
            found = [detail for detail in found if match.items() <= detail.items()]
            return found if len(found) >= wanted else []

        return list(until(enough))


@pytest.fixture(scope="session")
def bus(cloud: LocalCloud) -> Bus:
    return Bus(cloud)
