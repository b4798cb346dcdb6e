"""The model registry: versions with their lineage, and which of them answers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from tracking.hosting import SHARED, Served, read_served
from tracking.place import Place
from tracking.resources import found

# What the registry takes in a metadata value: 1 to 256 letters, digits, spaces and _ . : / = + - @
_FOREIGN = re.compile(r"[^\w .:/=+\-@]+")
MAX_METADATA = 256
# What it takes as the description of an approval.
MAX_DESCRIPTION = 1024
# The platform's own metrics are below it, those of each environment in a namespace: policies know nothing narrower.
NAMESPACE = "mlops"


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


def versions(place: Place, model: str) -> list[ModelVersion]:
    """Every version of the model, newest first."""
    sagemaker = place.client("sagemaker")
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=place.resource_name(model), SortBy="CreationTime", SortOrder="Descending"
    )
    arns = [summary["ModelPackageArn"] for page in pages for summary in page["ModelPackageSummaryList"]]
    with ThreadPoolExecutor(8) as pool:
        described = list(pool.map(lambda arn: sagemaker.describe_model_package(ModelPackageName=arn), arns))
    # Last: a version is recorded as deployed after it answers.
    live = live_package(place, model)
    return sorted((_version(package, live) for package in described), key=lambda item: item.number, reverse=True)


def find_version(place: Place, model: str, number: int) -> ModelVersion | None:
    """One version; None when the model has no such."""
    sagemaker = place.client("sagemaker")
    pages = sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=place.resource_name(model))
    arns = (summary["ModelPackageArn"] for page in pages for summary in page["ModelPackageSummaryList"])
    arn = next((arn for arn in arns if arn.endswith(f"/{number}")), None)
    if arn is None:
        return None
    return _version(sagemaker.describe_model_package(ModelPackageName=arn), live_package(place, model))


def live_version(place: Place, model: str) -> ModelVersion | None:
    """The version that answers now; None when there is no endpoint, or one of a version that the registry lost."""
    live = live_package(place, model)
    package = found(place.client("sagemaker").describe_model_package, ModelPackageName=live) if live else None
    return _version(package, live) if package else None


def newest_approved(sagemaker: Any, group: str) -> dict[str, Any] | None:
    """The package that the endpoint should serve, the champion, as described; None while no version is approved."""
    newest = next(approved(sagemaker, group), None)
    if newest is None:
        return None
    package: dict[str, Any] = sagemaker.describe_model_package(ModelPackageName=newest["ModelPackageArn"])
    return package


def approved(sagemaker: Any, group: str) -> Iterator[dict[str, Any]]:
    """Summaries of the approved versions, newest first. SageMaker may filter a page after it took it, to nothing."""
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=group, ModelApprovalStatus="Approved", SortBy="CreationTime", SortOrder="Descending"
    )
    for page in pages:
        yield from page["ModelPackageSummaryList"]


def live_package(place: Place, model: str) -> str:
    """ARN of the version that answers now, "" when there is no endpoint."""
    sagemaker = place.client("sagemaker")
    shared = served_by_shared(place, model)
    if shared and found(sagemaker.describe_endpoint, EndpointName=place.resource_name(SHARED)):
        return shared.package
    endpoint = found(sagemaker.describe_endpoint, EndpointName=place.resource_name(model))
    return served_package(sagemaker, endpoint["EndpointConfigName"]) if endpoint else ""


def served_by_shared(place: Place, model: str) -> Served | None:
    """What the multi-model endpoint was switched to; None for a model that it does not serve."""
    return read_served(place.client("s3"), place.shared_bucket, model) if place.shared_bucket else None


def served_package(sagemaker: Any, config_name: str) -> str:
    """ARN of the model package behind an endpoint configuration."""
    config = sagemaker.describe_endpoint_config(EndpointConfigName=config_name)
    model = sagemaker.describe_model(ModelName=config["ProductionVariants"][0]["ModelName"])
    container = model.get("PrimaryContainer") or model["Containers"][0]
    return str(container.get("ModelPackageName", ""))


def count_failure(cloudwatch: Any, *, model: str, stage: str) -> None:
    """One more version that was approved and is not going to be live; an alarm watches the metric."""
    dimensions = [{"Name": "Model", "Value": model}, {"Name": "Stage", "Value": stage}]
    metric = {"MetricName": "DeploymentFailures", "Dimensions": dimensions, "Value": 1.0, "Unit": "Count"}
    cloudwatch.put_metric_data(Namespace=f"{NAMESPACE}/{stage}", MetricData=[metric])


def metadata_value(text: str) -> str:
    """The text as the registry takes it; SageMaker's own reasons hold anything."""
    return " ".join(_FOREIGN.sub(" ", text).split())[:MAX_METADATA] or "-"


def description_value(text: str) -> str:
    """The text as the registry takes it for the description of an approval: one line that can be seen."""
    seen = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(seen.split())[:MAX_DESCRIPTION]


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
