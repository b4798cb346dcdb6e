"""Taking an environment down: its stacks, and what the platform made while it ran."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from cli import keys
from cli.deletion import StackError, delete_stack, wait
from cli.errors import CliError
from cli.target import Target
from tracking.scaling import SERVICE

# The functions that react to the registry go first, then the topic that all tell their troubles to, the data last.
ORDER = ("recovery", "batch", "serving", "training", "etl", "monitoring", "data")
LOG_PREFIXES = ("/aws/sagemaker/Endpoints/{prefix}", "/aws/lambda/{prefix}", "/aws-glue/{environment}/")


@dataclass(frozen=True)
class Thing:
    """Something that goes, or that stays (`kept`)."""

    kind: str
    name: str
    kept: bool = False


def inventory(target: Target) -> list[Thing]:
    """What `destroy` would remove and keep. Raises CliError for an environment that is protected."""
    things = [Thing("API key", name) for name in keys.names(target)]
    things += [Thing("running batch", name) for name in _batches(target)]
    things += [Thing("scalable target", item["ResourceId"]) for item in _scalable_targets(target)]
    things += [Thing("endpoint", name) for name in _endpoints(target)]
    things += [Thing("endpoint configuration", name) for name in _configs(target)]
    things += [Thing("model", name) for name in _models(target)]
    stacks = _stacks(target)
    kept = _kept(target, stacks)
    # What a registry that is retained holds; without the data stack it was retained before.
    versions_kept = _holds_registry(kept) or _name(target, "data") not in stacks
    things += [
        Thing("retained model version" if versions_kept else "model version", arn, kept=versions_kept)
        for arn in _packages(target)
    ]
    things += kept
    things += [Thing("stack", stack) for stack in stacks]
    things += [Thing("log group", name) for name in _log_groups(target)]
    return things


def destroy(target: Target, *, on_step: Callable[[str], None]) -> list[Thing]:
    """Remove everything that is not retained; returns what is left. Safe to run again after a failure."""
    stacks = _stacks(target)
    kept = _kept(target, stacks)
    data = _name(target, "data")
    # Before the API: their plans hold its stage.
    for name in keys.names(target):
        on_step(f"API key {name}")
        keys.remove(target, name)
    for stack in stacks:
        if stack != data:
            on_step(f"stack {stack}")
            delete_stack(target, stack)
    on_step("running batches")
    _stop_batches(target)
    on_step("endpoints, configurations and models")
    _remove_serving(target)
    if data in stacks:
        if not _holds_registry(kept):
            on_step("model versions")
            _remove_packages(target)
        for bucket in _disposable_buckets(target, data):
            on_step(f"objects of {bucket}")
            _empty(target, bucket)
        on_step(f"stack {data}")
        _delete_data(target, data)
    for group in _log_groups(target):
        target.client("logs").delete_log_group(logGroupName=group)
    return kept


def check_unprotected(target: Target) -> None:
    """Raises CliError when a stack has termination protection."""
    for stack in _stacks(target):
        described = target.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
        if described.get("EnableTerminationProtection"):
            raise CliError(
                f"Stack {stack} is protected against deletion.",
                f"Lift it first, stack by stack: aws cloudformation update-termination-protection "
                f"--no-enable-termination-protection --stack-name {stack}",
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


def _group_names(target: Target) -> list[str]:
    return _names(target, "list_model_package_groups", "ModelPackageGroupSummaryList", "ModelPackageGroupName")


def _packages(target: Target) -> Iterator[str]:
    paginator = target.client("sagemaker").get_paginator("list_model_packages")
    for group in _group_names(target):
        for page in paginator.paginate(ModelPackageGroupName=group):
            yield from (item["ModelPackageArn"] for item in page["ModelPackageSummaryList"])


def _log_groups(target: Target) -> list[str]:
    pages = [
        page
        for pattern in LOG_PREFIXES
        for page in target.client("logs")
        .get_paginator("describe_log_groups")
        .paginate(logGroupNamePrefix=pattern.format(prefix=_prefix(target), environment=_prefix(target).rstrip("-")))
    ]
    return [group["logGroupName"] for page in pages for group in page["logGroups"]]


def _resources(target: Target, stack: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each resource of the stack with its part of the template."""
    cloudformation = target.client("cloudformation")
    body = cloudformation.get_template(StackName=stack, TemplateStage="Original")["TemplateBody"]
    template = json.loads(body) if isinstance(body, str) else body
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    for page in pages:
        for resource in page["StackResourceSummaries"]:
            yield resource, template["Resources"].get(resource["LogicalResourceId"], {})


def _kept(target: Target, stacks: Iterable[str]) -> list[Thing]:
    return [Thing(f"retained {kind}", name, kept=True) for stack in stacks for kind, name in _retained(target, stack)]


def _holds_registry(kept: Iterable[Thing]) -> bool:
    """A retained group keeps its versions. By kind: CloudFormation knows a group by its ARN, SageMaker by its name."""
    return any(thing.kind.endswith("::ModelPackageGroup") for thing in kept)


def _retained(target: Target, stack: str) -> list[tuple[str, str]]:
    return [
        (resource["ResourceType"], resource["PhysicalResourceId"])
        for resource, definition in _resources(target, stack)
        if definition.get("DeletionPolicy", "").startswith("Retain")
    ]


def _disposable_buckets(target: Target, stack: str) -> list[str]:
    """Those that log who reads and deletes first, those that the logs go to last."""
    found = [
        ("LoggingConfiguration" not in definition.get("Properties", {}), resource["PhysicalResourceId"])
        for resource, definition in _resources(target, stack)
        if resource["ResourceType"] == "AWS::S3::Bucket"
        and not definition.get("DeletionPolicy", "").startswith("Retain")
        and resource["ResourceStatus"] != "DELETE_COMPLETE"
    ]
    return [name for _, name in sorted(found)]


def _delete_data(target: Target, stack: str) -> None:
    """S3 delivers access logs for hours: a bucket that got one since it was emptied is emptied once more."""
    try:
        delete_stack(target, stack)
    except StackError as error:
        full = [failure for failure in error.failures if failure.kind == "AWS::S3::Bucket"]
        if not full:
            raise
        for bucket in full:
            _empty(target, bucket.physical_id)
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


def _remove_packages(target: Target) -> None:
    for arn in list(_packages(target)):
        target.client("sagemaker").delete_model_package(ModelPackageName=arn)


def _empty(target: Target, bucket: str) -> None:
    """Every version and every delete marker: a versioned bucket goes only when nothing is left in it."""
    s3 = target.client("s3")
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        versions = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        objects = [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in versions]
        if not objects:
            continue
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
        for problem in answer.get("Errors", ()):
            raise CliError(f"Cannot delete {problem['Key']} of {bucket}: {problem.get('Message', problem['Code'])}")
