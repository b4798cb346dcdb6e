"""Taking an environment down: its stacks, and what the platform made while it ran."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from botocore.exceptions import ClientError

from cli import keys
from cli.deletion import StackError, delete_stack, wait
from cli.disposal import VERSION, check_removable, empty, packages, remove, remove_packages
from cli.errors import CliError
from cli.estate import BUCKET, Estate, Thing, group_names, survey
from cli.target import PROJECT, Target
from tracking.scaling import SERVICE

# The functions that react to the registry go first, then the topic that all tell their troubles to, the data last.
ORDER = ("batch", "serving", "training", "etl", "monitoring", "data")
LOG_PREFIXES = ("/aws/sagemaker/Endpoints/{prefix}", "/aws/lambda/{prefix}", "/aws-glue/{environment}/")


def inventory(target: Target, *, protected: bool) -> list[Thing]:
    """What `destroy` would remove and keep."""
    estate = _estate(target, protected=protected)
    things = [Thing("API key", name) for name in keys.names(target)]
    things += [Thing("running batch", name) for name in _batches(target)]
    things += [Thing("scalable target", item["ResourceId"]) for item in _scalable_targets(target)]
    things += [Thing("endpoint", name) for name in _endpoints(target)]
    things += [Thing("endpoint configuration", name) for name in _configs(target)]
    things += [Thing("model", name) for name in _models(target)]
    for group in group_names(target):
        kept = group not in estate.groups
        things += [Thing(VERSION if kept else "model version", arn, kept=kept) for arn in packages(target, group)]
    things += estate.kept
    things += [Thing("stack", stack) for stack in estate.stacks]
    things += [Thing("log group", name) for name in _log_groups(target)]
    return things


def destroy(
    target: Target, *, protected: bool, on_step: Callable[[str], None], for_good: Sequence[Thing] = ()
) -> list[Thing]:
    """Remove everything that is not retained; returns what is left. Safe to run again after a failure.

    `for_good`: retained things that go all the same, as `chosen` found them.
    """
    estate = _estate(target, protected=protected)
    # Before the API: their plans hold its stage.
    for name in keys.names(target):
        on_step(f"API key {name}")
        keys.remove(target, name)
    data = _name(target, "data")
    for stack in estate.stacks:
        if stack != data:
            on_step(f"stack {stack}")
            delete_stack(target, stack)
    on_step("running batches")
    _stop_batches(target)
    on_step("endpoints, configurations and models")
    _remove_serving(target)
    if data in estate.stacks:
        _remove_data(target, estate, data, on_step)
    for group in _log_groups(target):
        target.client("logs").delete_log_group(logGroupName=group)
    for thing in sorted(for_good, key=lambda thing: thing.kind != VERSION):
        on_step(f"{thing.kind} {thing.name}, for good")
        remove(target, thing)
    return [thing for thing in estate.kept if not goes_with(thing, for_good)]


def chosen(kept: Iterable[Thing], names: Collection[str]) -> list[Thing]:
    """What is retained and named. Raises CliError for a name of nothing that is retained, or of nothing to delete."""
    by_name = {thing.name: thing for thing in kept}
    for name in names:
        if name not in by_name:
            known = ", ".join(sorted(by_name)) or "nothing"
            raise CliError(f"--delete-retained {name}: nothing of this name is retained.", f"Retained are: {known}.")
        check_removable(by_name[name])
    return [by_name[name] for name in dict.fromkeys(names)]


def goes_with(thing: Thing, for_good: Iterable[Thing]) -> bool:
    """Whether the thing is one of them, or a version of a group that is."""
    group = thing.name.rpartition("/")[0].rpartition("/")[2] if thing.kind == VERSION else ""
    return any(thing == one or (group and one.name == group) for one in for_good)


def _remove_data(target: Target, estate: Estate, stack: str, on_step: Callable[[str], None]) -> None:
    for group in sorted(estate.groups):
        on_step(f"model versions of {group}")
        remove_packages(target, group)
    for bucket in estate.buckets:
        on_step(f"objects of {bucket}")
        empty(target, bucket)
    on_step(f"stack {stack}")
    _delete_data(target, stack)


def _estate(target: Target, *, protected: bool) -> Estate:
    return survey(target, _stacks(target), protected=protected)


def check_unprotected(target: Target) -> None:
    """Raises CliError when stacks have termination protection."""
    described = [
        target.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0] for name in _stacks(target)
    ]
    guarded = " ".join(stack["StackName"] for stack in described if stack.get("EnableTerminationProtection"))
    if guarded:
        raise CliError(
            f"Stacks of {target.stage} are protected against deletion: {guarded.replace(' ', ', ')}.",
            f"Lift it first: for stack in {guarded}; do aws cloudformation update-termination-protection "
            "--no-enable-termination-protection --stack-name $stack; done",
        )


def _name(target: Target, stack: str) -> str:
    return f"{PROJECT}-{target.stage}-{stack}"


def _prefix(target: Target) -> str:
    return f"{PROJECT}-{target.stage}-"


def _stacks(target: Target) -> list[str]:
    """The environment's stacks that exist, in the order in which they can go."""
    cloudformation, found = target.client("cloudformation"), []
    for stack in ORDER:
        name = _name(target, stack)
        try:
            cloudformation.describe_stacks(StackName=name)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationError":
                raise
        else:
            found.append(name)
    return found


def _names(target: Target, operation: str, listing: str, key: str, **only: str) -> list[str]:
    """Names of SageMaker things that belong to the environment."""
    prefix = _prefix(target)
    pages = target.client("sagemaker").get_paginator(operation).paginate(NameContains=prefix, **only)
    return [item[key] for page in pages for item in page[listing] if item[key].startswith(prefix)]


def _endpoints(target: Target) -> list[str]:
    return _names(target, "list_endpoints", "Endpoints", "EndpointName")


def _configs(target: Target) -> list[str]:
    return _names(target, "list_endpoint_configs", "EndpointConfigs", "EndpointConfigName")


def _models(target: Target) -> list[str]:
    return _names(target, "list_models", "Models", "ModelName")


def _batches(target: Target) -> list[str]:
    """Transform jobs that cost money by the minute; the records of ended ones cannot be deleted."""
    return _names(target, "list_transform_jobs", "TransformJobSummaries", "TransformJobName", StatusEquals="InProgress")


def _scalable_targets(target: Target) -> list[dict[str, Any]]:
    pages = (
        target.client("application-autoscaling")
        .get_paginator("describe_scalable_targets")
        .paginate(ServiceNamespace=SERVICE)
    )
    prefix = f"endpoint/{_prefix(target)}"
    return [item for page in pages for item in page["ScalableTargets"] if item["ResourceId"].startswith(prefix)]


def _log_groups(target: Target) -> list[str]:
    pages = [
        page
        for pattern in LOG_PREFIXES
        for page in target.client("logs")
        .get_paginator("describe_log_groups")
        .paginate(logGroupNamePrefix=pattern.format(prefix=_prefix(target), environment=_prefix(target).rstrip("-")))
    ]
    return [group["logGroupName"] for page in pages for group in page["logGroups"]]


def _delete_data(target: Target, stack: str) -> None:
    """S3 delivers access logs for hours: a bucket that got one since it was emptied is emptied once more."""
    try:
        delete_stack(target, stack)
    except StackError as error:
        full = [failure for failure in error.failures if failure.kind == BUCKET]
        if not full:
            raise
        for bucket in full:
            empty(target, bucket.physical_id)
        delete_stack(target, stack)


def _remove_serving(target: Target) -> None:
    sagemaker = target.client("sagemaker")
    for item in _scalable_targets(target):
        # Before the endpoint: its alarms go with it, and SageMaker does not end the scaling by itself.
        named = {key: item[key] for key in ("ServiceNamespace", "ResourceId", "ScalableDimension")}
        target.client("application-autoscaling").deregister_scalable_target(**named)
    endpoints = _endpoints(target)
    for name in endpoints:
        sagemaker.delete_endpoint(EndpointName=name)
    for name in endpoints:
        wait(target, "sagemaker", "endpoint_deleted", f"endpoint {name} to go", EndpointName=name)
    for name in _configs(target):
        sagemaker.delete_endpoint_config(EndpointConfigName=name)
    for name in _models(target):
        sagemaker.delete_model(ModelName=name)


def _stop_batches(target: Target) -> None:
    """Before their models and files go. Raises CliError when one does not end."""
    sagemaker, jobs = target.client("sagemaker"), _batches(target)
    for name in jobs:
        sagemaker.stop_transform_job(TransformJobName=name)
    for name in jobs:
        wait(target, "sagemaker", "transform_job_completed_or_stopped", f"batch {name} to end", TransformJobName=name)
