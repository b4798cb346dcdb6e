"""The decisions that people take on the versions in the model registry."""

from __future__ import annotations

import getpass
from collections.abc import Sequence

from botocore.exceptions import BotoCoreError, ClientError

from cli.errors import CliError
from cli.options import of_model
from cli.target import Target
from cli.terminal import plain
from tracking.order import order_of
from tracking.states import APPROVED, REJECTED, State
from tracking.versions import ModelVersion, description_value, metadata_value, newest_approved, versions
from tracking.versions import find_version as tracked_version

# Leaves room in the description for who decided, and for what was decided.
MAX_REASON = 700


def find_version(target: Target, model: str, number: int) -> ModelVersion:
    version = tracked_version(target.place, model, number)
    if version is None:
        raise CliError(f"{model} has no version {number}.", f"List them: mlops models{of_model(model)}.")
    return version


def approve(target: Target, version: ModelVersion, *, reason: str) -> str:
    """The deployment follows by itself: the newest approved version is what the endpoint should serve.

    Returns what a person should know of the version's past, "" for nothing. Raises CliError, and decides nothing, when
    the version is approved, or could not become live.
    """
    check_reason(reason)
    model = _model_of(target, version)
    if version.approval == APPROVED and version.live:
        raise CliError(
            f"Version {version.number} is approved and live already.", f"Deploy it anew: mlops deploy {model}."
        )
    if version.approval == APPROVED and version.wanted:
        raise CliError(
            f"Version {version.number} is approved already: {version.deployment}.",
            f"Bring it to the endpoint: mlops deploy {model}.",
        )
    newer = newest_approved(target.client("sagemaker"), target.resource_name(model))
    if newer is not None and order_of(newer) > version.order:
        later = f"version {newer['ModelPackageVersion']} has a later upload"
        raise CliError(
            f"Version {version.number} would not become live: {later}, and is approved.",
            f"Go back to it: mlops rollback {version.number}{of_model(model)}.",
        )
    _decide(target, version, APPROVED, reason or "approved")
    if version.state in (State.FAILED, State.ROLLED_BACK):
        why = version.metadata.get("deployment_reason", "").rstrip(".")
        return f"Version {version.number} {version.deployment} before: {why}. It is tried again."
    return ""


def _model_of(target: Target, version: ModelVersion) -> str:
    group = version.arn.rpartition("/")[0].rpartition("/")[2]
    return next((model for model in target.models if target.resource_name(model) == group), group)


def reject(target: Target, version: ModelVersion, *, reason: str) -> None:
    """When the version is live, the endpoint goes back to the newest version that is still approved."""
    check_reason(reason)
    _decide(target, version, REJECTED, reason)


def rollback(target: Target, model: str, *, number: int | None, reason: str) -> ModelVersion:
    """Make an earlier version the newest approved one. Returns it; raises CliError when there is none.

    Without a number it is the approved version before the live one.
    """
    check_reason(reason)
    known = versions(target.place, model)
    live = next((version for version in known if version.live), None)
    if live is None:
        raise CliError(f"No version of {model} is live.", _without_live(model, known))
    if number is None:
        earlier = [v for v in known if v.order < live.order and v.approval == APPROVED]
        if not earlier:
            raise CliError(
                f"There is no approved version of {model} before {live.number}.",
                f"Choose one of mlops models{of_model(model)}, and name it: mlops rollback VERSION{of_model(model)}.",
            )
        wanted = max(earlier, key=lambda item: item.order)
    else:
        wanted = find_version(target, model, number)
    if wanted.number == live.number and not any(v.order > live.order and v.approval == APPROVED for v in known):
        raise CliError(f"Version {wanted.number} of {model} is live already.")
    _go_back(target, model, wanted, known, reason=reason)
    return wanted


def way_back(target: Target, model: str, wanted: ModelVersion) -> str:
    """How to undo a rollback to `wanted`, as a sentence; "" where no version was rejected for it."""
    left = [v for v in versions(target.place, model) if v.approval == REJECTED and _left_for(v, wanted.number)]
    if not left:
        return ""
    newest = max(left, key=lambda item: item.order).number
    return f"Back to version {newest}, which was rejected for it: mlops approve {newest}{of_model(model)}."


def _left_for(version: ModelVersion, number: int) -> bool:
    return version.metadata.get("decision_reason", "").startswith(_rolled_back_to(number))


def _rolled_back_to(number: int) -> str:
    return f"rolled back to version {number}: "


def _without_live(model: str, known: Sequence[ModelVersion]) -> str:
    if any(version.wanted for version in known):
        return f"Bring the approved one back: mlops deploy {model}."
    if known:
        return f"Approve one: mlops approve {known[0].number}{of_model(model)}."
    return f"Upload data: mlops upload FILE{of_model(model)}."


def _go_back(target: Target, model: str, wanted: ModelVersion, known: Sequence[ModelVersion], *, reason: str) -> None:
    """The newest approved version is what is served, after each write: so the newest is rejected last.

    Until then nothing changes, and then the endpoint goes to `wanted` in one step.
    """
    newer = [v for v in known if v.order > wanted.order and v.approval == APPROVED]
    newer.sort(key=lambda item: item.order)
    try:
        if wanted.approval != APPROVED:
            _decide(target, wanted, APPROVED, f"rollback to it: {reason}")
        for version in newer:
            _decide(target, version, REJECTED, f"{_rolled_back_to(wanted.number)}{reason}")
    except (ClientError, BotoCoreError) as error:
        raise CliError(
            f"The rollback stopped on its way, and version {(newer or [wanted])[-1].number} stays live: {error}",
            f"Go on with it: mlops rollback {wanted.number}{of_model(model)}.",
        ) from error


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
