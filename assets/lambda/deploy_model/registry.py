"""What the model registry is told of a version's deployment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clients import cloudwatch, sagemaker
from logic import Package
from settings import SETTINGS

from tracking.artifacts import artifact_of
from tracking.resources import last_modified
from tracking.versions import approved, count_failure, description_value


def package_of(described: Mapping[str, Any]) -> Package:
    metadata = described.get("CustomerMetadataProperties", {})
    (container,) = described["InferenceSpecification"]["Containers"]
    return Package(
        described["ModelPackageArn"],
        described["ModelPackageVersion"],
        metadata.get("run_id", ""),
        environment=container.get("Environment", {}),
        artifact=artifact_of(described),
        state=metadata.get("deployment_state", ""),
    )


def record(package_arn: str, state: str, reason: str, **more: str) -> None:
    metadata = {"deployment_state": state, "deployment_reason": reason, **more}
    sagemaker.update_model_package(ModelPackageArn=package_arn, CustomerMetadataProperties=metadata)


def request(package_arn: str, config: str, endpoint: Mapping[str, Any] | None) -> None:
    """Before the endpoint changes: from then on it may be verified. `endpoint` is how it was seen, None without one."""
    seen = {"deployment_seen": last_modified(endpoint)} if endpoint else {}
    record(package_arn, "requested", f"The endpoint changes to {config}.", **seen)


def withdraw(package_arn: str) -> None:
    """The endpoint did not change, and what becomes of it now says nothing about this version."""
    properties = ["deployment_state", "deployment_reason", "deployment_seen"]
    sagemaker.update_model_package(ModelPackageArn=package_arn, CustomerMetadataPropertiesToRemove=properties)


def refuse(model: str, package: Package, message: str) -> None:
    # First: a version that is rejected is not looked at again, and a failure that counts twice is no harm.
    count_failure(cloudwatch, model=model, stage=SETTINGS.stage)
    sagemaker.update_model_package(
        ModelPackageArn=package.arn,
        ModelApprovalStatus="Rejected",
        ApprovalDescription=description_value(f"Not live (failed): {message}"),
        CustomerMetadataProperties={
            "deployment_state": "failed",
            "deployment_reason": "The version was refused: see the description of the approval.",
        },
    )


def supersede(group: str, newest: Package) -> None:
    """Versions that were approved and overtaken before they were live end in a recorded state too."""
    for summary in approved(sagemaker, group):
        if summary["ModelPackageVersion"] >= newest.version:
            continue
        package = sagemaker.describe_model_package(ModelPackageName=summary["ModelPackageArn"])
        if package.get("CustomerMetadataProperties", {}).get("deployment_state", "requested") == "requested":
            record(
                package["ModelPackageArn"], "superseded", f"Version {newest.version} was approved before it was live."
            )
