"""Endpoints and versions as AWS describes them."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError
from clients import sagemaker
from logic import Endpoint, Version

from tracking.versions import served_package


def described(name: str, *, shared: bool = False) -> Endpoint | None:
    """None when the endpoint was deleted meanwhile. A shared one serves versions of many models."""
    try:
        endpoint = sagemaker.describe_endpoint(EndpointName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationException":
            return None
        raise
    return Endpoint(
        name=name,
        status=endpoint["EndpointStatus"],
        package="" if shared else served_package(sagemaker, endpoint["EndpointConfigName"]),
        failure=endpoint.get("FailureReason", ""),
        has_instances=any("CurrentInstanceCount" in variant for variant in endpoint.get("ProductionVariants", ())),
    )


def version_of(package: dict[str, Any]) -> Version:
    metadata = package.get("CustomerMetadataProperties", {})
    (container,) = package["InferenceSpecification"]["Containers"]
    return Version(
        arn=package["ModelPackageArn"],
        number=package["ModelPackageVersion"],
        state=metadata.get("deployment_state", ""),
        run_id=metadata.get("run_id", ""),
        evaluation_uri=metadata.get("evaluation_uri", ""),
        artifact=container.get("ModelDataUrl", ""),
    )
