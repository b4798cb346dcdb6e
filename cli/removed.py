"""Models that were taken out of the application: what still runs of them, and how it ends. Data and versions stay."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from botocore.exceptions import ClientError

from cli.disposal import VERSION, packages
from cli.errors import CliError
from cli.estate import GROUP, Thing, group_names
from cli.findings import Finding, unread
from cli.needs import Needs
from cli.running import Running, end_batches, end_serving, of_model, running
from cli.target import Target
from tracking.hosting import SHARED, forget_served


def left_of(target: Target, model: str) -> tuple[Running, list[Thing]]:
    """What runs of a model that is no longer deployed, and what is kept of it. Raises CliError for any other name."""
    if model.replace("-", "_") in target.models:
        raise CliError(
            f"{model} is part of the application that is deployed in {target.stage}.",
            f"Take models/{model} out and deploy first; to stop its endpoint alone: mlops stop {model}.",
        )
    found = running(target, of_model(target, model))
    group = target.resource_name(model)
    kept = [Thing(f"retained {GROUP}", group, kept=True)] if group in group_names(target) else []
    kept += [Thing(VERSION, arn, kept=True) for _ in kept for arn in packages(target, group)]
    if not found.things() and not kept:
        others = ", ".join(_gone(target)) or "none"
        raise CliError(f"There is nothing of {model} in {target.stage}.", f"Models that were removed: {others}.")
    return found, kept


def end(target: Target, model: str, found: Running, *, on_step: Callable[[str], None]) -> None:
    """Safe to run again after a failure."""
    on_step(f"batches of {model}")
    end_batches(target, found.batches)
    if bucket := target.place.shared_bucket:
        forget_served(target.client("s3"), bucket, model.replace("-", "_"))
    on_step(f"endpoint, configurations and models of {model}")
    end_serving(target, found)


def removed_models(target: Target, needs: Needs) -> Iterator[Finding]:
    """For `mlops doctor`: endpoints that no model of the application has, and cost money."""
    del needs
    try:
        known = _known(target)
    except CliError:
        return  # nothing is deployed
    try:
        endpoints = running(target).endpoints
    except ClientError as error:
        permissions = "sagemaker:List*, application-autoscaling:DescribeScalableTargets"
        yield unread("removed models", "What runs in SageMaker", error, permissions)
        return
    for name in endpoints:
        if name not in known:
            model = name.removeprefix(target.prefix)
            told = f"endpoint {name} belongs to no model of {target.stage}, and costs money"
            advice = f"End it: mlops destroy --env {target.stage} --model {model}. Its data and versions stay."
            yield Finding("removed models", "note", told, advice)


def _known(target: Target) -> set[str]:
    """Names of endpoints and groups that the application has."""
    return {target.resource_name(model) for model in (*target.models, SHARED)}


def _gone(target: Target) -> list[str]:
    names = {*group_names(target), *running(target).endpoints} - _known(target)
    return sorted(name.removeprefix(target.prefix) for name in names)
