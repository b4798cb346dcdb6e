"""What an environment asks of an account, as its configuration and its contracts say before anything is deployed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from cli.errors import CliError
from cli.target import ROOT


@dataclass(frozen=True)
class QuotaNeed:
    """With less than `least` something fails, with less than `wanted` it waits. `quota`: its name in Service Quotas.

    `shared_with`: which endpoints of others take of it: an instance type, or "serverless".
    """

    service: str
    quota: str
    least: float
    wanted: float
    why: str
    shared_with: str | None = None


@dataclass(frozen=True)
class Needs:
    """`serverless_regions`: None where no model is served without instances. `reserved`: executions by function."""

    stage: str
    image_regions: tuple[str, ...]
    serverless_regions: tuple[str, ...] | None
    bootstrap_version: int
    qualifier: str
    reserved: Mapping[str, int]
    event_log: bool
    quotas: tuple[QuotaNeed, ...]


def needs_of(stage: str) -> Needs:
    """Raises CliError for a configuration or a contract that is wrong, with its own words."""
    command = [sys.executable, "-m", "stacks.needs", stage]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise CliError(f"What {stage} needs cannot be told: {lines[-1] if lines else 'stacks.needs failed'}")
    found = json.loads(done.stdout)
    regions = found.pop("serverless_regions")
    return Needs(
        **{key: value for key, value in found.items() if key not in ("quotas", "image_regions")},
        image_regions=tuple(found["image_regions"]),
        serverless_regions=None if regions is None else tuple(regions),
        quotas=tuple(QuotaNeed(**item) for item in found["quotas"]),
    )
