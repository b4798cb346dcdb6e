"""The decisions that people take on the versions in the model registry."""

from __future__ import annotations

import getpass

from cli.errors import CliError
from cli.target import Target
from cli.terminal import plain
from tracking.versions import ModelVersion, description_value, metadata_value, versions

# Leaves room in the description for who decided, and for what was decided.
MAX_REASON = 700


def find_version(target: Target, model: str, number: int) -> ModelVersion:
    for version in versions(target.place, model):
        if version.number == number:
            return version
    raise CliError(f"{model} has no version {number}.", "List them: mlops models.")


def approve(target: Target, version: ModelVersion, *, reason: str) -> None:
    """The deployment follows by itself: the newest approved version is what the endpoint should serve."""
    check_reason(reason)
    _decide(target, version, "Approved", reason or "approved")


def reject(target: Target, version: ModelVersion, *, reason: str) -> None:
    """When the version is live, the endpoint goes back to the newest version that is still approved."""
    check_reason(reason)
    _decide(target, version, "Rejected", reason)


def rollback(target: Target, model: str, *, number: int | None, reason: str) -> ModelVersion:
    """Make an earlier version the newest approved one. Returns it; raises CliError when there is none.

    Without a number it is the approved version before the live one.
    """
    check_reason(reason)
    known = versions(target.place, model)
    live = next((version for version in known if version.live), None)
    if live is None:
        raise CliError(f"No version of {model} is live.", "Approve one: mlops approve VERSION.")
    if number is None:
        earlier = [v for v in known if v.number < live.number and v.approval == "Approved"]
        if not earlier:
            raise CliError(f"There is no approved version of {model} before {live.number}.", "Name one: mlops models.")
        wanted = earlier[0]
    else:
        wanted = find_version(target, model, number)
    if wanted.number == live.number:
        raise CliError(f"Version {wanted.number} of {model} is live already.")
    if wanted.approval != "Approved":
        _decide(target, wanted, "Approved", f"rollback to it: {reason}")
    for version in known:
        if version.number > wanted.number and version.approval == "Approved":
            _decide(target, version, "Rejected", f"rolled back to version {wanted.number}: {reason}")
    return wanted


def check_reason(reason: str) -> None:
    """Raises CliError for what the registry would refuse, or keep a part of. It is asked before anything is decided."""
    shown = plain(reason)
    if shown != reason or "\t" in reason:
        raise CliError(f"--reason holds characters that cannot be seen: {shown[:60]}.", "Write one line of plain text.")
    if len(reason) > MAX_REASON:
        raise CliError(
            f"--reason has {len(reason):,} characters, the registry keeps {MAX_REASON} of them.", "Shorten it."
        )


def _decide(target: Target, version: ModelVersion, status: str, reason: str) -> None:
    who = decider(target)
    target.client("sagemaker").update_model_package(
        ModelPackageArn=version.arn,
        ModelApprovalStatus=status,
        ApprovalDescription=description_value(f"{who}: {reason}"),
        CustomerMetadataProperties={"decided_by": metadata_value(who), "decision_reason": metadata_value(reason)},
    )


def decider(target: Target) -> str:
    """The AWS identity; on the local cloud, where everybody is the administrator, the name of the user."""
    if target.where == "local":
        return getpass.getuser()
    return str(target.client("sts").get_caller_identity()["Arn"])
