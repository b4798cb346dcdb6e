"""`mlops retained`: what an earlier deployment left, and how the next one takes it up again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer
from botocore.exceptions import ClientError

from cli.errors import CliError
from cli.estate import BUCKET, DATABASE, GROUP, KEY, holdings, live_resources
from cli.findings import Finding, unread
from cli.needs import Needs
from cli.options import Json, On, Stage, errors, output, show
from cli.target import LOCAL_DIR, ROOT, Target, find_target

app = typer.Typer()

# What CloudFormation identifies each of them by when it imports one.
IDENTIFIERS = {BUCKET: "BucketName", GROUP: "ModelPackageGroupArn", KEY: "KeyId"}


@dataclass(frozen=True)
class Retained:
    """A thing that exists and that the stack would make anew. `identifier`: what CloudFormation imports it by."""

    logical_id: str
    kind: str
    name: str
    identifier: str


@app.command()
def retained(
    use: Annotated[
        list[str] | None, typer.Option("--use", metavar="NAME", help="Of several for one place, take this one.")
    ] = None,
    stage: Stage = None,
    on: On = None,
    as_json: Json = False,
) -> None:
    """Find data and versions that no stack has, and say how the next deployment takes them up."""
    with errors(as_json):
        target = find_target(where=on, stage=stage)
        found = to_import(target, template_of(target.stage), use=use or ())
        file = write_mapping(target, found) if found else None
        steps = list(_steps(target, file))
        document = {"retained": [asdict(item) for item in found], "steps": steps}
        show(document, as_json, lambda: _print(target, found, steps))


def retained_data(target: Target, needs: Needs) -> Iterator[Finding]:
    """For `mlops doctor`: what an earlier deployment left, where the next one would fail on it or pass it by."""
    del needs
    try:
        if live_resources(target, f"{target.prefix}data"):
            return
        names = [name for _, name in holdings(target)]
    except ClientError as error:
        permissions = (
            "cloudformation:GetTemplate, s3:ListAllMyBuckets, sagemaker:ListModelPackageGroups, glue:GetDatabase"
        )
        yield unread("retained data", "What an earlier deployment left", error, permissions)
        return
    if names:
        told = f"An earlier deployment of {target.stage} left what is in no stack: {', '.join(names)}"
        advice = f"Take them up before you deploy: mlops retained --env {target.stage}"
        yield Finding("retained data", "bad", told, advice)


def template_of(stage: str, models: Path = ROOT / "models") -> Mapping[str, Any]:
    """The template of the stage's data stack, as this code makes it. Raises CliError when it does not synthesise."""
    from cli.local import synth

    with TemporaryDirectory(prefix="mlops-") as folder:
        assembly = synth(Path(folder) / "cdk.out", models, stage) / f"assembly-{stage}"
        (template,) = assembly.glob("*Data*.template.json")
        found: Mapping[str, Any] = json.loads(template.read_text())
        return found


def to_import(target: Target, template: Mapping[str, Any], *, use: Iterable[str] = ()) -> list[Retained]:
    """What is there for the retained resources of the template that the stack does not have.

    Raises CliError when several things could take one place and `use` names none of them.
    """
    there = live_resources(target, f"{target.prefix}data")
    missing = {
        name: item
        for name, item in template["Resources"].items()
        if item["Type"] in IDENTIFIERS and _retains(item) and name not in there
    }
    owned, names = set(there.values()), set(use)
    existing = [found for found in holdings(target) if found not in owned]
    found = []
    for logical_id, item in missing.items():
        candidates = [name for kind, name in existing if kind == item["Type"] and _fits(target, name, logical_id, item)]
        chosen = [name for name in candidates if name in names] or candidates
        if len(chosen) > 1:
            raise CliError(
                f"Several things could be {logical_id} ({item['Type']}): {', '.join(chosen)}.",
                f"Look which one holds the data, and name it: mlops retained --env {target.stage} --use {chosen[0]}",
            )
        found += [Retained(logical_id, item["Type"], name, _identifier(target, item["Type"], name)) for name in chosen]
    return found


def write_mapping(target: Target, found: Iterable[Retained]) -> Path:
    """The file that `cdk import` reads: for each logical id, what CloudFormation identifies the resource by."""
    file = LOCAL_DIR / "retained" / f"{target.stage}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    mapping = {item.logical_id: {IDENTIFIERS[item.kind]: item.identifier} for item in found}
    file.write_text(json.dumps(mapping, indent=2) + "\n")
    return file


def _retains(item: Mapping[str, Any]) -> bool:
    return str(item.get("DeletionPolicy", "")).startswith("Retain")


def _fits(target: Target, name: str, logical_id: str, item: Mapping[str, Any]) -> bool:
    """A group has its own name; CloudFormation tags the buckets that it makes; there is one key an environment."""
    if item["Type"] == GROUP:
        return bool(item["Properties"]["ModelPackageGroupName"] == name)
    return item["Type"] == KEY or _tags(target, name).get("aws:cloudformation:logical-id") == logical_id


def _tags(target: Target, bucket: str) -> dict[str, str]:
    try:
        return {tag["Key"]: tag["Value"] for tag in target.client("s3").get_bucket_tagging(Bucket=bucket)["TagSet"]}
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchTagSet":
            raise
        return {}


def _identifier(target: Target, kind: str, name: str) -> str:
    if kind != GROUP:
        return name
    described = target.client("sagemaker").describe_model_package_group(ModelPackageGroupName=name)
    return str(described["ModelPackageGroupArn"])


def _steps(target: Target, file: Path | None) -> Iterator[str]:
    """Commands, in the order in which to give them."""
    if file is None:
        return
    stack = f"{target.prefix}data"
    described = _described(target, stack)
    if described and described["StackStatus"] == "ROLLBACK_COMPLETE":
        if described.get("EnableTerminationProtection"):
            off = "aws cloudformation update-termination-protection --no-enable-termination-protection"
            yield f"{off} --stack-name {stack}"
        yield f"aws cloudformation delete-stack --stack-name {stack}"
        yield f"aws cloudformation wait stack-delete-complete --stack-name {stack}"
    for name in (name for kind, name in holdings(target) if kind == DATABASE):
        # Of a deployment that kept its catalog: contracts say all that it holds.
        if (DATABASE, name) not in live_resources(target, stack).values():
            yield f"aws glue delete-database --name {name}"
    yield f"./dev cdk import {target.stage}/Data --resource-mapping {file.relative_to(ROOT)}"
    yield f"./dev cdk deploy '{target.stage}/*'"


def _described(target: Target, stack: str) -> Mapping[str, Any] | None:
    try:
        found: Mapping[str, Any] = target.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        return None
    return found


def _print(target: Target, found: list[Retained], steps: list[str]) -> None:
    if not found:
        output.say(f"Nothing of {target.stage} waits to be taken up: deploy as usual.")
        return
    for item in found:
        output.say(f"{item.logical_id} ({item.kind}): {item.name}")
    output.say("The next deployment would fail on these names, or make new and empty ones. Take them up first:")
    for step in steps:
        output.say(f"  {step}")
