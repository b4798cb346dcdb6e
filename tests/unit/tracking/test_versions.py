"""What the registry takes, and what it says of its versions."""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.response import StreamingBody
from botocore.stub import Stubber

from tracking.place import Place
from tracking.progress import deployment_state
from tracking.versions import description_value, find_version, live_package, metadata_value, newest_approved, versions

ABSENT = ("ValidationException", "Could not find endpoint.")
KEYS = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}


def test_a_reason_is_kept_as_the_registry_takes_it() -> None:
    kept = metadata_value("Alarms: (a-5xx), 'b' went off; see https://x/y?z=1 " + "x" * 300)
    assert kept.startswith("Alarms: a-5xx b went off see https://x/y z=1 xxx")
    assert len(kept) == 256


def test_a_reason_without_a_letter_that_the_registry_takes_is_a_dash() -> None:
    assert metadata_value("(!)") == "-"


def test_the_newest_approved_version_may_be_on_a_later_page() -> None:
    sagemaker = boto3.client("sagemaker", region_name="eu-west-1", **KEYS)
    request = {"ModelPackageGroupName": "g", "ModelApprovalStatus": "Approved"}
    request |= {"SortBy": "CreationTime", "SortOrder": "Descending"}
    arns = [f"arn:aws:sagemaker:eu-west-1:111122223333:model-package/g/{number}" for number in (7, 6)]
    created = {"CreationTime": datetime(2026, 1, 2, tzinfo=UTC), "ModelPackageStatus": "Completed"}
    earlier = {**created, "CreationTime": datetime(2026, 1, 1, tzinfo=UTC)}
    summaries = [{"ModelPackageArn": arns[0], **created}, {"ModelPackageArn": arns[1], **earlier}]
    with Stubber(sagemaker) as stubber:
        stubber.add_response("list_model_packages", {"ModelPackageSummaryList": [], "NextToken": "2"}, request)
        request = {**request, "NextToken": "2"}
        stubber.add_response("list_model_packages", {"ModelPackageSummaryList": summaries}, request)
        package = {"ModelPackageName": "g/7", "ModelPackageArn": arns[0], "ModelPackageVersion": 7, **created}
        package["ModelPackageStatusDetails"] = {"ValidationStatuses": []}
        stubber.add_response("describe_model_package", package, {"ModelPackageName": arns[0]})
        found = newest_approved(sagemaker, "g")
        stubber.assert_no_pending_responses()
    assert found is not None
    assert found["ModelPackageArn"] == arns[0]


def test_what_answers_is_what_the_shared_endpoint_was_switched_to_or_the_model_s_own_endpoint() -> None:
    """Without the endpoint itself, its records say nothing."""
    sagemaker = boto3.client("sagemaker", region_name="eu-west-1", **KEYS)
    s3 = boto3.client("s3", region_name="eu-west-1", **KEYS)
    clients = {"sagemaker": sagemaker, "s3": s3}
    place = Place(
        client=clients.__getitem__,
        prefix="mlops-dev-",
        processed_bucket="p",
        shared_bucket="a",
        workflow="",
        artifact_bucket="artifact",
    )
    served = json.dumps({"package": "arn:7", "version": 7, "target": "m/7.tar.gz"}).encode()
    shared = {"EndpointName": "mlops-dev-multi-model"}
    with Stubber(sagemaker) as described, Stubber(s3) as objects:
        for endpoint_is_there in (True, False):
            content = StreamingBody(io.BytesIO(served), len(served))
            request = {"Bucket": "a", "Key": "multi-model/live/m.json"}
            objects.add_response("get_object", {"Body": content, "ETag": '"e"'}, request)
            if endpoint_is_there:
                described.add_response("describe_endpoint", endpoint(**shared), shared)
            else:
                described.add_client_error("describe_endpoint", *ABSENT, expected_params=shared)
                own = {"EndpointName": "mlops-dev-m"}
                described.add_client_error("describe_endpoint", *ABSENT, expected_params=own)
            assert live_package(place, "m") == ("arn:7" if endpoint_is_there else "")


def endpoint(**names: str) -> dict[str, Any]:
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    return {
        "EndpointArn": "arn:aws:sagemaker:eu-west-1:111122223333:endpoint/x",
        "EndpointStatus": "InService",
        "CreationTime": moment,
        "LastModifiedTime": moment,
        **names,
    }


def test_a_description_is_one_line_as_the_registry_takes_it() -> None:
    """SageMaker's own reasons hold tracebacks; the registry's pattern knows no line break, and 1,024 characters."""
    told = description_value("Not live (failed): ContainerError\nTraceback:\r\n\tline 1\x1b[0m caf\u00e9 " + "x" * 2000)
    assert told.startswith("Not live (failed): ContainerError Traceback: line 1 [0m caf\u00e9 x")
    assert re.fullmatch(".*", told) and len(told) == 1024


class Registry:
    """Two hundred versions, of which each call is counted."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self._summaries = [
            {"ModelPackageArn": f"arn:package/g/{n}", "ModelPackageVersion": n, "ModelApprovalStatus": "Rejected"}
            for n in range(200, 0, -1)
        ]

    def get_paginator(self, name: str) -> Any:
        return SimpleNamespace(paginate=lambda **_: self._pages(name))

    def _pages(self, name: str) -> Iterator[dict[str, Any]]:
        for start in range(0, 200, 100):
            self.calls.append(name)
            yield {"ModelPackageSummaryList": self._summaries[start : start + 100]}

    def describe_model_package(self, *, ModelPackageName: str) -> dict[str, Any]:  # noqa: N803  (AWS's name)
        self.calls.append("describe_model_package")
        (summary,) = (item for item in self._summaries if item["ModelPackageArn"] == ModelPackageName)
        container = {"InferenceSpecification": {"Containers": [{}]}, "CreationTime": datetime(2026, 1, 2, tzinfo=UTC)}
        return {**summary, **container}

    def describe_endpoint(self, **_: Any) -> dict[str, Any]:
        self.calls.append("describe_endpoint")
        return {"EndpointConfigName": "config", "EndpointStatus": "InService"}

    def describe_endpoint_config(self, **_: Any) -> dict[str, Any]:
        return {"ProductionVariants": [{"ModelName": "m"}]}

    def describe_model(self, **_: Any) -> dict[str, Any]:
        return {"PrimaryContainer": {"ModelPackageName": "arn:package/g/7"}}


def test_one_version_of_two_hundred_is_described_once() -> None:
    """A command that waits asks for it every few seconds."""
    registry = Registry()
    place = Place(
        client=lambda _: registry, prefix="mlops-dev-", processed_bucket="p", workflow="", artifact_bucket="artifact"
    )
    version = find_version(place, "m", 7)
    assert version is not None
    assert (version.number, version.live) == (7, True)
    assert Counter(registry.calls) == {"list_model_packages": 2, "describe_model_package": 1, "describe_endpoint": 1}


def test_a_listing_describes_each_version_once() -> None:
    registry = Registry()
    place = Place(
        client=lambda _: registry, prefix="mlops-dev-", processed_bucket="p", workflow="", artifact_bucket="artifact"
    )
    assert len(versions(place, "m")) == 200
    assert Counter(registry.calls) == {"list_model_packages": 2, "describe_model_package": 200, "describe_endpoint": 1}


def test_a_version_that_waits_says_why_the_gate_asks_a_person() -> None:
    package = {
        "ModelPackageArn": "arn:4",
        "ModelPackageVersion": 4,
        "ModelApprovalStatus": "PendingManualApproval",
        "ModelPackageDescription": "Test RMSE 41 is within the limit of 60; a person has to approve it, because x.",
    }
    state, reason = deployment_state(package, lambda: "", "m")
    assert (state, reason) == (
        "waiting",
        "Version 4 waits for a person's approval. Test RMSE 41 is within the limit of 60; "
        "a person has to approve it, because x.",
    )
    del package["ModelPackageDescription"]
    assert deployment_state(package, lambda: "", "m")[1] == "Version 4 waits for a person's approval."


class Cleaned(Registry):
    """Somebody deleted models or configurations that endpoints still answer from."""

    def __init__(self, gone: str) -> None:
        super().__init__()
        self._gone = gone

    def describe_endpoint_config(self, **_: Any) -> dict[str, Any]:
        if self._gone == "configuration":
            raise ClientError({"Error": {"Code": "ValidationException", "Message": "Could not find it."}}, "D")
        return super().describe_endpoint_config()

    def describe_model(self, **_: Any) -> dict[str, Any]:
        raise ClientError({"Error": {"Code": "ValidationException", "Message": "Could not find model."}}, "D")


@pytest.mark.parametrize("gone", ["model", "configuration"])
def test_versions_are_listed_where_somebody_cleaned_up(gone: str) -> None:
    registry = Cleaned(gone)
    place = Place(
        client=lambda _: registry, prefix="mlops-dev-", processed_bucket="p", artifact_bucket="a", workflow=""
    )
    assert not any(version.live for version in versions(place, "m"))
