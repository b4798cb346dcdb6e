"""What the model registry is told of a version's deployment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from deploy_model.clients import cloudwatch, sagemaker
from deploy_model.logic import Package
from deploy_model.settings import SETTINGS
from deploy_model.settled import OVERTAKEN
from tracking.artifacts import NOWHERE, UnservableError, artifact_of, container_of
from tracking.order import order_of
from tracking.resources import found, last_modified
from tracking.states import APPROVED, REJECTED, Event, allowed
from tracking.versions import approved, count, description_value, metadata_value

# What commands leave with a version that a person wants as it is.
_BY_PERSON = {"decided_by", "deployment_asked_by"}


def package_of(described: Mapping[str, Any]) -> Package:
    """Of the newest approved version: as long as it is that, anything may be recorded of it."""
    OVERTAKEN.forget(described["ModelPackageArn"])
    metadata = described.get("CustomerMetadataProperties", {})
    state, flaw = metadata.get("deployment_state", ""), ""
    container: Mapping[str, Any] = {}
    artifact = NOWHERE
    try:
        container, artifact = container_of(described), artifact_of(described)
    except UnservableError as error:
        flaw = str(error)
    return Package(
        described["ModelPackageArn"],
        described["ModelPackageVersion"],
        metadata.get("run_id", ""),
        environment=container.get("Environment", {}),
        artifact=artifact,
        flaw=flaw,
        state=state,
        recorded=metadata.get("deployment_recorded_at", metadata.get("deployment_verified_at", "")),
        attempts=int(metadata.get("deployment_attempts", 0)),
        verified=state == "deployed" or "deployment_live_at" in metadata,
        modified=described.get("LastModifiedTime", described["CreationTime"]),
        by_gate=metadata.get("registered_as") == APPROVED and not metadata.keys() & _BY_PERSON,
        compared=metadata.get("champion_version", ""),
        order=order_of(described),
    )


def record(package_arn: str, state: str, reason: str, **more: str) -> None:
    metadata = {
        "deployment_state": state,
        "deployment_reason": metadata_value(reason),
        "deployment_recorded_at": _now(),
        **more,
    }
    sagemaker.update_model_package(ModelPackageArn=package_arn, CustomerMetadataProperties=metadata)


def request(package: Package, reason: str, endpoint: Mapping[str, Any] | None = None) -> None:
    """Before the endpoint changes: from then on it may be verified. `endpoint` is how it was seen, None without one."""
    seen = {"deployment_seen": last_modified(endpoint)} if endpoint else {}
    # The record of the last verdict gives way to this one.
    live = {"deployment_live_at": _now()} if package.state == "deployed" else {}
    record(package.arn, "requested", reason, **seen, **live)


def withdraw(package_arn: str) -> None:
    """The endpoint did not change, and what becomes of it now says nothing about this version."""
    properties = ["deployment_state", "deployment_reason", "deployment_seen", "deployment_recorded_at"]
    sagemaker.update_model_package(ModelPackageArn=package_arn, CustomerMetadataPropertiesToRemove=properties)


def refuse(model: str, package: Package, message: str) -> bool:
    """The version's own fault. False when a decision came in between that makes it nobody's business any more.

    One that was live and right once did not change since: what keeps it from being so again lies elsewhere.
    """
    if package.verified:
        return block(model, package, f"It was live and right before: {message}")
    if not _open(package, Event.REFUSE):
        return False
    # First: a version that is rejected is not looked at again, and a failure that counts twice is no harm.
    count(cloudwatch, "DeploymentFailures", model=model, stage=SETTINGS.stage, prefix=SETTINGS.resource_prefix)
    sagemaker.update_model_package(
        ModelPackageArn=package.arn,
        ModelApprovalStatus="Rejected",
        ApprovalDescription=description_value(f"Not live (failed): {message}"),
        CustomerMetadataProperties={
            "deployment_state": "failed",
            "deployment_reason": "The version was refused: see the description of the approval.",
            "deployment_recorded_at": _now(),
        },
    )
    return True


def outdate(package: Package, champion: int) -> None:
    """The gate's approval is taken back: it was compared with another version than the champion, which is not rejected.

    One write: what has to follow is asked for by the event of it.
    """
    if not _open(package, Event.OUTDATE):
        return
    reason = f"It was compared with {_named(package.compared)} and version {champion} is the champion now"
    sagemaker.update_model_package(
        ModelPackageArn=package.arn,
        ModelApprovalStatus=REJECTED,
        ApprovalDescription=description_value(f"{reason}: its run is evaluated again, for a version of its own."),
        CustomerMetadataProperties={
            "deployment_state": "outdated",
            "deployment_reason": metadata_value(f"{reason}: it is evaluated again."),
            "deployment_recorded_at": _now(),
            "deployment_champion": str(champion),
        },
    )


def _named(compared: str) -> str:
    return "no version" if compared == "none" else f"version {compared}"


def block(model: str, package: Package, message: str) -> bool:
    """The environment's fault: the approval stays. False as of `refuse`."""
    if not _open(package, Event.BLOCK):
        return False
    count(cloudwatch, "DeploymentFailures", model=model, stage=SETTINGS.stage, prefix=SETTINGS.resource_prefix)
    record(package.arn, "blocked", message, deployment_attempts=str(package.attempts + 1))
    return True


def _open(package: Package, event: Event) -> bool:
    """Whether this may still be recorded: a person may have rejected or stopped the version meanwhile."""
    described = sagemaker.describe_model_package(ModelPackageName=package.arn)
    state = described.get("CustomerMetadataProperties", {}).get("deployment_state", "")
    stopped = state == "stopped" and package.state != "stopped"
    return described["ModelApprovalStatus"] == APPROVED and not stopped and allowed(event, state)


def supersede(group: str, newest: Package, *, anew: bool) -> None:
    """Versions that were approved and overtaken before they were live end in a recorded state too.

    `anew`: also of those that were looked at before. A stop, for one, is recorded of each approved version.
    """
    for summary in _others(group, newest) if anew else _unsettled(group, newest):
        if _overtake(summary["ModelPackageArn"], newest):
            OVERTAKEN.add(summary)


def supersede_one(number: int, newest: Package) -> None:
    """One that was approved now and is not the newest. What was recorded of it before stays: a stop, for one."""
    _overtake(f"{newest.arn.rpartition('/')[0]}/{number}", newest, recorded=False)


def supersede_unheard(group: str, newest: Package) -> None:
    """Those that were approved, not being the newest, and whose event was lost."""
    for summary in _unsettled(group, newest):
        if _overtake(summary["ModelPackageArn"], newest, recorded=False):
            OVERTAKEN.add(summary)


def _others(group: str, newest: Package) -> Iterator[dict[str, Any]]:
    """Summaries of the other approved versions."""
    return (summary for summary in approved(sagemaker, group) if summary["ModelPackageArn"] != newest.arn)


def _unsettled(group: str, newest: Package) -> Iterator[dict[str, Any]]:
    """Of those, the ones that the newest one may have to overtake."""
    return (summary for summary in _others(group, newest) if not OVERTAKEN.holds(summary))


def _overtake(arn: str, newest: Package, *, recorded: bool = True) -> bool:
    """Whether no newer version has to overtake this one any more. `recorded`: also one of which anything is recorded.

    Also one that was registered after the newest, and uploaded before it: it never was to become live.
    """
    described = found(sagemaker.describe_model_package, ModelPackageName=arn)
    if described is None:
        return False
    state = described.get("CustomerMetadataProperties", {}).get("deployment_state", "")
    if not allowed(Event.OVERTAKE, state):
        return True
    older = order_of(described) < newest.order
    if not older or described["ModelApprovalStatus"] != APPROVED or (state and not recorded):
        return False
    reason = f"Version {newest.version} has the later upload and was approved before this one was live."
    record(arn, "superseded", reason)
    return True


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
