"""What AWS answers about a version behind the multi-model endpoint, for the functions' stubs."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from botocore.response import StreamingBody
from botocore.stub import ANY, Stubber

MODEL, GROUP, SHARED = "california_housing", "mlops-prod-california-housing", "mlops-prod-multi-model"
BUCKET, ARTIFACT = "artifact", "s3://artifact/california_housing/models/train-1/output/model.tar.gz"
TARGET = "california_housing/7-f98a9a8b.tar.gz"
NOW = datetime(2026, 1, 2, tzinfo=UTC)


def package_arn(version: int) -> str:
    return f"arn:aws:sagemaker:eu-west-1:111122223333:model-package/{GROUP}/{version}"


def shared(contract: Any) -> Any:
    return replace(contract, serving=replace(contract.serving, mode="realtime", hosting="multi-model"))


@contextmanager
def stubbed(function: SimpleNamespace) -> Iterator[SimpleNamespace]:
    """A stub for each client of the function; every answer must be asked for."""
    clients = {name: client for name, client in vars(function.clients).items() if hasattr(client, "meta")}
    with ExitStack() as stack:
        stubs = {name: stack.enter_context(Stubber(client)) for name, client in clients.items()}
        yield SimpleNamespace(**stubs)
        for stub in stubs.values():
            stub.assert_no_pending_responses()


def body(document: Any) -> StreamingBody:
    content = json.dumps(document).encode()
    return StreamingBody(io.BytesIO(content), len(content))


def expect_live(s3: Stubber, version: int | None) -> None:
    request = {"Bucket": BUCKET, "Key": f"multi-model/live/{MODEL}.json"}
    if version is None:
        s3.add_client_error("get_object", "NoSuchKey", expected_params=request)
        return
    document = {"package": package_arn(version), "version": version, "target": f"{MODEL}/{version}-0.tar.gz"}
    s3.add_response("get_object", {"Body": body(document), "ETag": '"e1"'}, request)


def expect_newest(sagemaker: Stubber, version: int, state: str = "", **more: str) -> None:
    """`more`: of its metadata."""
    summary = {
        "ModelPackageArn": package_arn(version),
        "ModelPackageVersion": version,
        "CreationTime": NOW,
        "ModelPackageStatus": "Completed",
    }
    sagemaker.add_response("list_model_packages", {"ModelPackageSummaryList": [summary]})
    metadata = {"evaluation_uri": f"s3://{BUCKET}/{MODEL}/evaluation/evaluation.json"}
    metadata |= {**more, **({"deployment_state": state} if state else {})}
    described = {
        **summary,
        "ModelPackageName": f"{GROUP}/{version}",
        "ModelPackageStatusDetails": {"ValidationStatuses": []},
        "CustomerMetadataProperties": metadata,
        "InferenceSpecification": {"Containers": [{"Image": "image", "ModelDataUrl": ARTIFACT}]},
    }
    sagemaker.add_response("describe_model_package", described, {"ModelPackageName": package_arn(version)})


def expect_endpoint(sagemaker: Stubber, config: str, status: str = "InService", **more: Any) -> None:
    endpoint = {
        "EndpointName": SHARED,
        "EndpointArn": f"arn:aws:sagemaker:eu-west-1:111122223333:endpoint/{SHARED}",
        "EndpointConfigName": config,
        "EndpointStatus": status,
        "CreationTime": NOW,
        "LastModifiedTime": NOW,
        **more,
    }
    sagemaker.add_response("describe_endpoint", endpoint, {"EndpointName": SHARED})


def expect_decision(sagemaker: Stubber, state: str, approval: str = "Approved") -> None:
    """Version 7 is looked at once more before a verdict is written."""
    described = {
        "ModelPackageName": f"{GROUP}/7",
        "ModelPackageArn": package_arn(7),
        "ModelPackageVersion": 7,
        "ModelApprovalStatus": approval,
        "CreationTime": NOW,
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": []},
        "CustomerMetadataProperties": {"deployment_state": state},
    }
    sagemaker.add_response("describe_model_package", described, {"ModelPackageName": package_arn(7)})


def expect_record(sagemaker: Stubber, state: str, **more: Any) -> None:
    metadata = {"deployment_state": state, "deployment_reason": ANY, "deployment_recorded_at": ANY}
    metadata |= {} if state == "requested" else {"deployment_verified_at": ANY}
    metadata |= {"deployment_live_at": ANY} if state == "deployed" else {}
    metadata |= {"deployment_attempts": "1"} if state == "blocked" else {}
    if state != "requested":
        expect_decision(sagemaker, state="requested")
    request = {"ModelPackageArn": package_arn(7), "CustomerMetadataProperties": metadata, **more}
    sagemaker.add_response("update_model_package", {"ModelPackageArn": package_arn(7)}, request)
