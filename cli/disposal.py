"""Deleting data and versions, for good."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from cli.errors import CliError
from cli.estate import BUCKET, DATABASE, GROUP, KEY, Thing
from cli.target import Target

VERSION = "retained model version"
KEY_DAYS = 30  # until AWS deletes a key; it can be called back until then


def packages(target: Target, group: str) -> Iterator[str]:
    """ARNs of the versions of a group."""
    pages = target.client("sagemaker").get_paginator("list_model_packages").paginate(ModelPackageGroupName=group)
    return (item["ModelPackageArn"] for page in pages for item in page["ModelPackageSummaryList"])


def remove_packages(target: Target, group: str) -> None:
    for arn in list(packages(target, group)):
        target.client("sagemaker").delete_model_package(ModelPackageName=arn)


def empty(target: Target, bucket: str) -> None:
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


def remove_all(target: Target, things: Iterable[Thing], on_step: Callable[[str], None] = lambda _: None) -> None:
    """Versions first: a group goes with what is left in it."""
    for thing in sorted(things, key=lambda thing: thing.kind != VERSION):
        on_step(f"{thing.kind} {thing.name}, for good")
        remove(target, thing)


def remove(target: Target, thing: Thing) -> None:
    """A thing that `check_removable` let pass."""
    kind, name = thing.kind.removeprefix("retained "), thing.name
    if thing.kind == VERSION:
        target.client("sagemaker").delete_model_package(ModelPackageName=name)
    elif kind == BUCKET:
        empty(target, name)
        target.client("s3").delete_bucket(Bucket=name)
    elif kind == GROUP:
        remove_packages(target, name)
        target.client("sagemaker").delete_model_package_group(ModelPackageGroupName=name)
    elif kind == DATABASE:
        target.client("glue").delete_database(Name=name)
    else:
        target.client("kms").schedule_key_deletion(KeyId=name, PendingWindowInDays=KEY_DAYS)


def check_removable(thing: Thing) -> None:
    """Raises CliError for what is retained and holds neither data nor versions: a role, the account's API settings."""
    if thing.kind != VERSION and thing.kind.removeprefix("retained ") not in (BUCKET, GROUP, DATABASE, KEY):
        raise CliError(
            f"--delete-retained {thing.name}: this command deletes no {thing.kind.removeprefix('retained ')}.",
            "It holds no data. Delete it in the AWS console if nothing else of the account uses it.",
        )
