"""Versions of a model as the end-to-end tests make them, wait for them and ask for them."""

from __future__ import annotations

import hashlib
import io
import tarfile
import time
from typing import Any

from cli import api, registry
from tests.e2e.conftest import Platform
from tests.e2e.light import MODEL
from tests.records import example
from tracking.artifacts import Artifact, is_gone
from tracking.versions import ModelVersion


def version(platform: Platform, number: int, model: str = MODEL) -> ModelVersion:
    return registry.find_version(platform.target, model, number)


def wait_for(platform: Platform, number: int, *states: str, model: str = MODEL, seconds: float = 60) -> ModelVersion:
    """Until what became of the version's deployment is one of the states."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = version(platform, number, model)
        if found.metadata.get("deployment_state") in states:
            return found
        time.sleep(0.2)
    raise AssertionError(f"version {number} is {version(platform, number, model)}")


def wait_until_live(platform: Platform, number: int, model: str = MODEL, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not version(platform, number, model).live:
        assert time.monotonic() < deadline, f"version {number} is not live"
        time.sleep(0.2)


def answering(platform: Platform, model: str = MODEL) -> str:
    """The version that the REST API answers from."""
    return str(api.predict(platform.target, model=model, instances=[example(MODEL)])["model_version"])


def wait_until_answering(platform: Platform, number: int, model: str = MODEL, seconds: float = 30) -> None:
    """A function remembers for some seconds which version answers."""
    deadline = time.monotonic() + seconds
    while answering(platform, model) != str(number):
        assert time.monotonic() < deadline, f"{model} does not answer from version {number}"
        time.sleep(0.2)


def recorded(platform: Platform, uri: str) -> dict[str, str]:
    """What the pipeline records of an archive; nothing of one that is not there."""
    s3, place = platform.target.client("s3"), Artifact(uri).place
    if is_gone(s3, Artifact(uri)):
        return {}
    found = s3.get_object(**place)
    return {
        "artifact_sha256": hashlib.sha256(found["Body"].read()).hexdigest(),
        "artifact_version": found["VersionId"],
    }


def copy_of(platform: Platform, number: int, *, model: str = MODEL, **changes: Any) -> int:
    """Register a version of `model` like one of MODEL, with changes to its container; returns its number."""
    target = platform.target
    sagemaker = target.client("sagemaker")
    package = sagemaker.describe_model_package(ModelPackageName=version(platform, number).arn)
    lineage = package["CustomerMetadataProperties"]
    # The gate did not register it: a person decides.
    kept = {key: v for key, v in lineage.items() if not key.startswith(("deployment_", "deci", "registered_"))}
    if "ModelDataUrl" in changes:
        kept |= recorded(platform, changes["ModelDataUrl"])
    (container,) = package["InferenceSpecification"]["Containers"]
    spec = {**package["InferenceSpecification"], "Containers": [{**container, **changes}]}
    made = sagemaker.create_model_package(
        ModelPackageGroupName=target.resource_name(model),
        InferenceSpecification=spec,
        ModelApprovalStatus="PendingManualApproval",
        CustomerMetadataProperties=kept,
    )
    return int(made["ModelPackageArn"].rsplit("/", 1)[1])


def with_code(platform: Platform, artifact: str, code: str) -> str:
    """A copy of a model's archive, with code at the end of its inference.py; returns its URI."""
    s3, (bucket, _, key) = platform.target.client("s3"), artifact.removeprefix("s3://").partition("/")
    original = io.BytesIO(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    changed = io.BytesIO()
    with tarfile.open(fileobj=original) as source, tarfile.open(fileobj=changed, mode="w:gz") as archive:
        for member in source:
            content = file.read() if (file := source.extractfile(member)) else b""
            if member.name.endswith("code/inference.py"):
                content += code.encode()
                member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    copied = f"{MODEL}/models/changed/output/model.tar.gz"
    s3.put_object(Bucket=bucket, Key=copied, Body=changed.getvalue())
    return f"s3://{bucket}/{copied}"
