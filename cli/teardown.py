"""Taking an environment down: its stacks, and what the platform made while it ran."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from botocore.exceptions import ClientError

from cli import keys
from cli.deletion import StackError, delete_stack
from cli.disposal import VERSION, check_removable, empty, packages, remove_all, remove_packages
from cli.errors import CliError
from cli.estate import BUCKET, Estate, Thing, group_names, survey
from cli.running import end_batches, end_serving, running
from cli.target import Target

# The functions that react to the registry go first, then the topic that all tell their troubles to, the data last.
ORDER = ("recovery", "batch", "serving", "training", "etl", "monitoring", "data")
LOG_PREFIXES = ("/aws/sagemaker/Endpoints/{prefix}", "/aws/lambda/{prefix}", "/aws-glue/{environment}/")


def inventory(target: Target, *, protected: bool) -> list[Thing]:
    """What `destroy` would remove and keep."""
    estate = _estate(target, protected=protected)
    things = [Thing("API key", name) for name in keys.names(target)]
    things += running(target).things()
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
    end_batches(target, running(target).batches)
    on_step("endpoints, configurations and models")
    end_serving(target, running(target))
    if data in estate.stacks:
        _remove_data(target, estate, data, on_step)
    for group in _log_groups(target):
        target.client("logs").delete_log_group(logGroupName=group)
    remove_all(target, for_good, on_step)
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
    return f"{target.prefix}{stack}"


def _prefix(target: Target) -> str:
    return target.prefix


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
