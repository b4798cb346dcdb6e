"""`mlops stop` and `mlops deploy`: a model's endpoint goes, and comes back."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from cli.deletion import wait as wait_for
from cli.deployment import PATIENCE_SECONDS, PAUSE_SECONDS, wait_until_live, wanted_version
from cli.errors import CliError
from cli.options import Json, On, Stage, errors, output, progress, show
from cli.registry import decider
from cli.target import Target, find_target
from cli.terminal import confirm
from tracking import scaling
from tracking.endpoint import read_endpoint
from tracking.hosting import SHARED, forget_served, read_served
from tracking.resources import found
from tracking.states import APPROVED, State
from tracking.versions import BOOKKEEPING, ModelVersion, metadata_value, versions

app = typer.Typer()

Name = Annotated[str, typer.Argument(metavar="MODEL", help="The model: a folder of models/.")]
Wait = Annotated[bool, typer.Option(help="Wait until the version is live and verified.")]
CHANGING = ("Creating", "Updating", "RollingBack", "SystemUpdating")


@app.command()
def stop(
    model: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    stage: Stage = None,
    on: On = None,
    as_json: Json = False,
) -> None:
    """Take a model's endpoint down: it costs nothing more, and requests are refused until `mlops deploy`."""
    with errors(as_json):
        target = find_target(where=on, stage=stage, model=model)
        known, plan = versions(target.place, model), _endpoints(target, model)
        if not plan and not any(v.approval == APPROVED and v.state != State.STOPPED for v in known):
            raise CliError(f"Nothing serves {model}.", f"Bring it back: mlops deploy {model}.")
        if not yes:
            confirm(_question(target, model, plan))
        _mark(target, known)
        removed = _take_down(target, model, plan)
        document = {"model": model, "removed": removed, "stopped": [v.number for v in known if v.approval == APPROVED]}
        show(document, as_json, lambda: output.say(f"{model} is stopped. Bring it back: mlops deploy {model}."))


@app.command()
def deploy(model: Name, wait: Wait = True, stage: Stage = None, on: On = None, as_json: Json = False) -> None:
    """Bring a model's newest approved version to its endpoint: stopped, blocked, or gone by hand."""
    with errors(as_json):
        target = find_target(where=on, stage=stage, model=model)
        wanted = wanted_version(target, model)
        if not _under_way(target, model, wanted):
            _ask(target, wanted)
        version = wait_until_live(target, model, wanted.number) if wait else wanted_version(target, model)
        show(version.to_json(), as_json, lambda: output.say(f"{model} version {version.number}: {version.deployment}."))


def _endpoints(target: Target, model: str) -> list[str]:
    """What goes when the model stops: its endpoint, and the one that models share when no other is left on it."""
    own, place = target.resource_name(model), target.place
    names = [own] if found(target.client("sagemaker").describe_endpoint, EndpointName=own) else []
    if place.shared_bucket and read_served(target.client("s3"), place.shared_bucket, model):
        shared = target.resource_name(SHARED)
        if not _others(target, model) and found(target.client("sagemaker").describe_endpoint, EndpointName=shared):
            names.append(shared)
    return names


def _others(target: Target, model: str) -> list[str]:
    """Other models that the multi-model endpoint serves."""
    bucket, s3 = target.place.shared_bucket, target.client("s3")
    return [other for other in target.models if other != model and bucket and read_served(s3, bucket, other)]


def _question(target: Target, model: str, endpoints: Sequence[str]) -> str:
    goes = f"{' and '.join(endpoints)} will be deleted" if endpoints else "no endpoint is its own"
    if target.place.shared_bucket and read_served(target.client("s3"), target.place.shared_bucket, model):
        others = _others(target, model)
        goes += f"; the multi-model endpoint stays, and costs, for {', '.join(others)}" if others else ""
    return (
        f"Stop {model} ({target.stage}, {target.where})? Requests are answered with 503 from then on, until "
        f"mlops deploy {model} or a new approval: {goes}."
    )


def _mark(target: Target, known: Sequence[ModelVersion]) -> None:
    """Before anything goes, and the newest first: events that are on their way find a version that is stopped."""
    now, reason = datetime.now(UTC).isoformat(timespec="seconds"), metadata_value(f"Stopped by {decider(target)}")
    approved = [item for item in known if item.approval == APPROVED]
    for version in sorted(approved, key=lambda item: item.order, reverse=True):
        metadata = {"deployment_state": "stopped", "deployment_reason": reason, "deployment_recorded_at": now}
        if version.metadata.get("deployment_state") == "deployed" and "deployment_live_at" not in version.metadata:
            metadata["deployment_live_at"] = now
        target.client("sagemaker").update_model_package(
            ModelPackageArn=version.arn,
            CustomerMetadataProperties=metadata,
            CustomerMetadataPropertiesToRemove=["deployment_seen", "deployment_attempts"],
        )


def _take_down(target: Target, model: str, endpoints: Sequence[str]) -> list[str]:
    bucket = target.place.shared_bucket
    if bucket:
        forget_served(target.client("s3"), bucket, model)
    for name in endpoints:
        progress.say(f"Removing {name}")
        _settled(target, name)
        # SageMaker does not end the scaling by itself, and its alarms would stay.
        scaling.stop(target.client("application-autoscaling"), name)
        target.client("sagemaker").delete_endpoint(EndpointName=name)
        wait_for(target, "sagemaker", "endpoint_deleted", f"endpoint {name} to go", EndpointName=name)
    return list(endpoints)


def _settled(target: Target, name: str) -> None:
    """SageMaker refuses to delete an endpoint that is changing."""
    deadline = time.monotonic() + PATIENCE_SECONDS[target.where]
    while time.monotonic() < deadline:
        endpoint = found(target.client("sagemaker").describe_endpoint, EndpointName=name)
        if endpoint is None or endpoint["EndpointStatus"] not in CHANGING:
            return
        time.sleep(PAUSE_SECONDS[target.where])
    raise CliError(f"Endpoint {name} is changing still.", "It is marked as stopped: run it again later.")


def _under_way(target: Target, model: str, wanted: ModelVersion) -> bool:
    """Whether the endpoint changes to it now: its own event tells how that ends."""
    endpoint = read_endpoint(target.place, model)
    return wanted.state == State.REQUESTED and endpoint is not None and endpoint.status in CHANGING


def _ask(target: Target, wanted: ModelVersion) -> None:
    """The version begins anew; that this is written down is the event which deploys it."""
    asked: dict[str, Any] = {
        "deployment_asked_by": metadata_value(decider(target)),
        "deployment_asked_at": datetime.now(UTC).isoformat(),
    }
    target.client("sagemaker").update_model_package(
        ModelPackageArn=wanted.arn,
        CustomerMetadataProperties=asked,
        CustomerMetadataPropertiesToRemove=list(BOOKKEEPING),
    )
