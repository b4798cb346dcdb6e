"""Endpoints and versions as AWS describes them."""

from __future__ import annotations

from typing import Any

from tracking.resources import found, last_modified
from tracking.versions import archive_of, served_package
from verify_deployment.clients import sagemaker
from verify_deployment.logic import Endpoint, Version


def described(name: str, *, shared: bool = False) -> Endpoint | None:
    """None when the endpoint was deleted meanwhile. A shared one serves versions of many models."""
    endpoint = found(sagemaker.describe_endpoint, EndpointName=name)
    if endpoint is None:
        return None
    return Endpoint(
        name=name,
        status=endpoint["EndpointStatus"],
        package="" if shared else served_package(sagemaker, endpoint["EndpointConfigName"]),
        failure=endpoint.get("FailureReason", ""),
        modified=last_modified(endpoint),
        has_instances=any("CurrentInstanceCount" in variant for variant in endpoint.get("ProductionVariants", ())),
    )


def version_of(package: dict[str, Any]) -> Version:
    metadata = package.get("CustomerMetadataProperties", {})
    state = metadata.get("deployment_state", "")
    return Version(
        arn=package["ModelPackageArn"],
        number=package["ModelPackageVersion"],
        state=state,
        run_id=metadata.get("run_id", ""),
        seen=metadata.get("deployment_seen", ""),
        evaluation_uri=metadata.get("evaluation_uri", ""),
        artifact=archive_of(package),
        verified=state == "deployed" or "deployment_live_at" in metadata,
        records="contract_uri" in metadata,
        attempts=int(metadata.get("deployment_attempts", 0)),
    )
