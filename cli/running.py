"""What runs of an environment, or of one model in it, and costs money: SageMaker's side of the platform."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from cli.deletion import wait
from cli.estate import Thing
from cli.target import Target
from tracking.scaling import SERVICE

Mine = Callable[[str], bool]


@dataclass(frozen=True)
class Running:
    """Names; `targets` as automatic scaling describes them."""

    batches: tuple[str, ...]
    targets: tuple[dict[str, Any], ...]
    endpoints: tuple[str, ...]
    configs: tuple[str, ...]
    models: tuple[str, ...]

    def things(self) -> list[Thing]:
        kinds = {
            "running batch": self.batches,
            "scalable target": tuple(item["ResourceId"] for item in self.targets),
            "endpoint": self.endpoints,
            "endpoint configuration": self.configs,
            "model": self.models,
        }
        return [Thing(kind, name) for kind, names in kinds.items() for name in names]


def running(target: Target, mine: Mine = lambda _: True) -> Running:
    """All of the environment, or what `mine` says of a name."""
    return Running(
        # The records of ended jobs cannot be deleted.
        batches=_names(
            target, mine, "list_transform_jobs", "TransformJobSummaries", "TransformJobName", StatusEquals="InProgress"
        ),
        targets=tuple(_targets(target, mine)),
        endpoints=_names(target, mine, "list_endpoints", "Endpoints", "EndpointName"),
        configs=_names(target, mine, "list_endpoint_configs", "EndpointConfigs", "EndpointConfigName"),
        models=_names(target, mine, "list_models", "Models", "ModelName"),
    )


def of_model(target: Target, model: str) -> Mine:
    """Whether a name is the endpoint of the model, or that of a configuration, a batch or an artifact of a version.

    `homes` has no part in what belongs to `homes_north` or to `homes_2`.
    """
    pattern = re.compile(rf"{re.escape(target.resource_name(model))}(-b?\d+-[^-]+|-[0-9a-f]{{8,}})?")
    return lambda name: pattern.fullmatch(name) is not None


def end_batches(target: Target, names: Iterable[str]) -> None:
    """Before their models and files go. Raises CliError when one does not end."""
    sagemaker, names = target.client("sagemaker"), list(names)
    for name in names:
        sagemaker.stop_transform_job(TransformJobName=name)
    for name in names:
        wait(target, "sagemaker", "transform_job_completed_or_stopped", f"batch {name} to end", TransformJobName=name)


def end_serving(target: Target, found: Running) -> None:
    sagemaker = target.client("sagemaker")
    for item in found.targets:
        # Before the endpoint: its alarms go with it, and SageMaker does not end the scaling by itself.
        named = {key: item[key] for key in ("ServiceNamespace", "ResourceId", "ScalableDimension")}
        target.client("application-autoscaling").deregister_scalable_target(**named)
    for name in found.endpoints:
        sagemaker.delete_endpoint(EndpointName=name)
    for name in found.endpoints:
        wait(target, "sagemaker", "endpoint_deleted", f"endpoint {name} to go", EndpointName=name)
    for name in found.configs:
        sagemaker.delete_endpoint_config(EndpointConfigName=name)
    for name in found.models:
        sagemaker.delete_model(ModelName=name)


def _names(target: Target, mine: Mine, operation: str, listing: str, key: str, **only: str) -> tuple[str, ...]:
    """Names of SageMaker things that belong to the environment."""
    prefix = target.prefix
    pages = target.client("sagemaker").get_paginator(operation).paginate(NameContains=prefix, **only)
    names = [str(item[key]) for page in pages for item in page[listing]]
    return tuple(name for name in names if name.startswith(prefix) and mine(name))


def _targets(target: Target, mine: Mine) -> list[dict[str, Any]]:
    """Of a resource `endpoint/NAME/variant/AllTraffic`."""
    pages = (
        target.client("application-autoscaling")
        .get_paginator("describe_scalable_targets")
        .paginate(ServiceNamespace=SERVICE)
    )
    prefix = f"endpoint/{target.prefix}"
    found = [item for page in pages for item in page["ScalableTargets"] if item["ResourceId"].startswith(prefix)]
    return [item for item in found if mine(item["ResourceId"].split("/")[1])]
