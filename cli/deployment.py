"""Waiting for a version to become live."""

from __future__ import annotations

import time

from cli.errors import CliError
from cli.options import of_model, progress
from cli.registry import find_version
from cli.target import Target
from tracking.states import APPROVED, State
from tracking.versions import ModelVersion, versions

PATIENCE_SECONDS = {"local": 120.0, "aws": 3600.0}
PAUSE_SECONDS = {"local": 0.3, "aws": 10.0}


def wait_until_live(target: Target, model: str, number: int) -> ModelVersion:
    """Wait until the version is live and verified. Raises CliError when it is not going to be."""
    deadline = time.monotonic() + PATIENCE_SECONDS[target.where]
    with progress.status(f"Deploying version {number}"):
        while time.monotonic() < deadline:
            version = find_version(target, model, number)
            _check(target, model, version)
            if version.live and version.metadata.get("deployment_state") == "deployed":
                return version
            time.sleep(PAUSE_SECONDS[target.where])
    raise CliError(f"Version {number} is not live yet.", f"Look again: mlops model {number}{of_model(model)}.")


def wanted_version(target: Target, model: str) -> ModelVersion:
    """The newest approved one. Raises CliError when there is none."""
    wanted = next((item for item in versions(target.place, model) if item.wanted), None)
    if wanted is None:
        raise CliError(f"No version of {model} is approved.", f"List them: mlops models --model {model}.")
    return wanted


def _check(target: Target, model: str, version: ModelVersion) -> None:
    """Raises CliError with what keeps the version from the endpoint."""
    number = version.number
    if version.approval != APPROVED:
        raise CliError(
            f"Version {number} is not live: {version.description}", f"See: mlops model {number}{of_model(model)}."
        )
    if not version.wanted:
        raise CliError(
            f"Version {number} is no longer the newest approved one: {wanted_version(target, model).number} is.",
            f"See: mlops model {number}{of_model(model)}.",
        )
    if version.state in (State.BLOCKED, State.LIVE_BLOCKED):
        reason = version.metadata.get("deployment_reason", "").rstrip(".")
        raise CliError(
            f"Version {number} stays approved, and cannot be deployed now: {reason}.",
            f"Mend that. It is tried again by itself; at once: mlops deploy {model}.",
        )
