"""The model registry: versions with their lineage, and the decisions that people take on them."""

from __future__ import annotations

import getpass
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from cli.errors import CliError
from cli.target import Target


@dataclass(frozen=True)
class ModelVersion:
    """A version in the registry. `metadata` is its lineage and what became of its deployment."""

    number: int
    arn: str
    approval: str
    description: str
    created: datetime
    artifact: str
    live: bool
    metadata: Mapping[str, str]

    @property
    def deployment(self) -> str:
        return "live" if self.live else self.metadata.get("deployment_state", "")

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "created": self.created.isoformat(), "deployment": self.deployment}


def versions(target: Target, model: str) -> list[ModelVersion]:
    """Every version of the model, newest first."""
    sagemaker = target.client("sagemaker")
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=target.resource_name(model), SortBy="CreationTime", SortOrder="Descending"
    )
    arns = [summary["ModelPackageArn"] for page in pages for summary in page["ModelPackageSummaryList"]]
    live = live_package(target, model)
    with ThreadPoolExecutor(8) as pool:
        described = pool.map(lambda arn: sagemaker.describe_model_package(ModelPackageName=arn), arns)
        return sorted((_version(package, live) for package in described), key=lambda item: item.number, reverse=True)


def find_version(target: Target, model: str, number: int) -> ModelVersion:
    for version in versions(target, model):
        if version.number == number:
            return version
    raise CliError(f"{model} has no version {number}.", "List them: mlops models.")


def live_package(target: Target, model: str) -> str:
    """ARN of the version that answers now, "" when there is no endpoint."""
    sagemaker = target.client("sagemaker")
    try:
        endpoint = sagemaker.describe_endpoint(EndpointName=target.resource_name(model))
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationException":
            return ""
        raise
    return served_package(sagemaker, endpoint["EndpointConfigName"])


def served_package(sagemaker: Any, config_name: str) -> str:
    """ARN of the model package behind an endpoint configuration."""
    config = sagemaker.describe_endpoint_config(EndpointConfigName=config_name)
    model = sagemaker.describe_model(ModelName=config["ProductionVariants"][0]["ModelName"])
    container = model.get("PrimaryContainer") or model["Containers"][0]
    return str(container.get("ModelPackageName", ""))


def approve(target: Target, version: ModelVersion, *, reason: str) -> None:
    """The deployment follows by itself: the newest approved version is what the endpoint should serve."""
    _decide(target, version, "Approved", reason or "approved")


def reject(target: Target, version: ModelVersion, *, reason: str) -> None:
    """When the version is live, the endpoint goes back to the newest version that is still approved."""
    _decide(target, version, "Rejected", reason)


def rollback(target: Target, model: str, *, number: int | None, reason: str) -> ModelVersion:
    """Make an earlier version the newest approved one. Returns it; raises CliError when there is none.

    Without a number it is the approved version before the live one.
    """
    known = versions(target, model)
    live = next((version for version in known if version.live), None)
    if live is None:
        raise CliError(f"No version of {model} is live.", "Approve one: mlops approve VERSION.")
    if number is None:
        earlier = [v for v in known if v.number < live.number and v.approval == "Approved"]
        if not earlier:
            raise CliError(f"There is no approved version of {model} before {live.number}.", "Name one: mlops models.")
        wanted = earlier[0]
    else:
        wanted = find_version(target, model, number)
    if wanted.number == live.number:
        raise CliError(f"Version {wanted.number} of {model} is live already.")
    if wanted.approval != "Approved":
        _decide(target, wanted, "Approved", f"rollback to it: {reason}")
    for version in known:
        if version.number > wanted.number and version.approval == "Approved":
            _decide(target, version, "Rejected", f"rolled back to version {wanted.number}: {reason}")
    return wanted


def _decide(target: Target, version: ModelVersion, status: str, reason: str) -> None:
    who = _who(target)
    target.client("sagemaker").update_model_package(
        ModelPackageArn=version.arn,
        ModelApprovalStatus=status,
        ApprovalDescription=f"{who}: {reason}"[:1024],
        CustomerMetadataProperties={"decided_by": _metadata(who), "decision_reason": _metadata(reason)},
    )


def _metadata(text: str) -> str:
    """As the registry takes a metadata value: 1 to 256 letters, digits, spaces and _ . : / = + - @"""
    return " ".join(re.sub(r"[^\w .:/=+\-@]+", " ", text).split())[:256] or "-"


def _who(target: Target) -> str:
    """The AWS identity; on the local cloud, where everybody is the administrator, the name of the user."""
    if target.where == "local":
        return getpass.getuser()
    return str(target.client("sts").get_caller_identity()["Arn"])


def _version(package: Mapping[str, Any], live: str) -> ModelVersion:
    return ModelVersion(
        number=package["ModelPackageVersion"],
        arn=package["ModelPackageArn"],
        approval=package["ModelApprovalStatus"],
        description=package.get("ApprovalDescription", ""),
        created=package["CreationTime"],
        artifact=package["InferenceSpecification"]["Containers"][0].get("ModelDataUrl", ""),
        live=package["ModelPackageArn"] == live,
        metadata=package.get("CustomerMetadataProperties", {}),
    )
