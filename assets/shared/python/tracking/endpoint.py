"""The endpoint of a model as it is now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from tracking.hosting import SHARED
from tracking.place import Place
from tracking.resources import found
from tracking.scaling import VARIANT
from tracking.versions import served_by_shared, served_package


@dataclass(frozen=True)
class Endpoint:
    """`package` is the ARN of the version that answers for the model. A multi-model endpoint answers for others too."""

    name: str
    status: str
    mode: Literal["serverless", "realtime"]
    config: str
    variant: str
    package: str
    updated: datetime

    @property
    def version(self) -> int | None:
        tail = self.package.rsplit("/", 1)[-1]
        return int(tail) if tail.isdigit() else None


def read_endpoint(place: Place, model: str) -> Endpoint | None:
    """Where the model answers; None while it does so nowhere."""
    served = served_by_shared(place, model)
    shared = _endpoint(place, SHARED, package=served.package) if served else None
    return shared or _endpoint(place, model)


def _endpoint(place: Place, model: str, *, package: str = "") -> Endpoint | None:
    sagemaker, name = place.client("sagemaker"), place.resource_name(model)
    described = found(sagemaker.describe_endpoint, EndpointName=name)
    if described is None:
        return None
    config = described["EndpointConfigName"]
    known = found(sagemaker.describe_endpoint_config, EndpointConfigName=config)
    # Somebody may have deleted the configuration: the endpoint goes on, and tells less of itself.
    (variant, *_) = (known or described).get("ProductionVariants") or ({"VariantName": VARIANT},)
    return Endpoint(
        name=name,
        status=described["EndpointStatus"],
        mode="serverless" if {"ServerlessConfig", "CurrentServerlessConfig"} & variant.keys() else "realtime",
        config=config,
        variant=variant["VariantName"],
        package=package or served_package(sagemaker, config),
        updated=described["LastModifiedTime"],
    )
