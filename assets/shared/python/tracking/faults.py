"""Whose fault it is that SageMaker does not serve a version: the version's own, or that of the place it goes to.

Only what is known to lie in the version counts as its fault. All else (roles, quotas, networks, alarms, modes, regions,
keys, and whatever nobody has met yet) is the environment's: it is mended elsewhere, and the version stays approved.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from botocore.exceptions import ClientError

Whose = Literal["version", "environment"]

# Of CreateModel. The artifact and the image are the version's; whether a role may read them is not.
_ARTIFACT_GONE = re.compile(r"could not find model data at", re.IGNORECASE)
_BAD_IMAGE = re.compile(r"requested image \S+ not found|ecr image \S+ is invalid|using non-ecr image", re.IGNORECASE)
# Of an endpoint that failed, or was rolled back: the container was there, and did not do.
_BAD_CONTAINER = re.compile(
    r"did not pass the ping health check|cannotstartcontainererror|container \S+ (?:exited|failed to start)"
    r"|(?:failed|unable) to (?:extract|unpack|decompress) (?:the )?model|model data archive is (?:invalid|too large)",
    re.IGNORECASE,
)
_ALARMED = re.compile(
    r"\balarms?\b.*\b(?:alarm state|went off|in alarm|tripped|triggered)\b", re.IGNORECASE | re.DOTALL
)
# What may be either: the artifact is gone, or the role cannot read it. Only a look at the artifact tells.
_UNREADABLE = re.compile(r"could not access model data|failed to download model data", re.IGNORECASE)

_QUOTA = re.compile(
    r"service limit '(?P<name>[^']+)' is (?P<limit>[\d.]+)\D*? with current utilization of (?P<used>[\d.]+)"
    r"\D*? and a request delta of (?P<delta>[\d.]+)",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True)
class Fault:
    """`reason` is one sentence for a person."""

    whose: Whose
    reason: str


@dataclass(frozen=True)
class Quota:
    """A quota of the account that is used up, as SageMaker tells of it. `needed` is the least that would do."""

    name: str
    value: float
    used: float
    needed: float

    def __str__(self) -> str:
        return (
            f"The account quota {self.name} is {self.value:g} and {self.used:g} of it are in use: ask Service Quotas "
            f"(Amazon SageMaker) for {self.needed:g} or more"
        )


def quota_in(message: str) -> Quota | None:
    found = _QUOTA.search(message)
    if found is None:
        return None
    value, used, delta = (float(found[name].rstrip(".")) for name in ("limit", "used", "delta"))
    return Quota(found["name"], value, used, used + delta)


def refusal(error: ClientError, *, own_container: bool, artifact_gone: bool) -> Fault:
    """Of a Create or Update operation. `own_container`: image and artifact are the version's, not the environment's.

    `artifact_gone`: a look at the version's artifact found none.
    """
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    if code == "ResourceLimitExceeded":
        quota = quota_in(message)
        return Fault("environment", str(quota) if quota else f"A quota of the account is used up: {message}")
    if code == "ValidationException" and own_container:
        if _ARTIFACT_GONE.search(message) or _BAD_IMAGE.search(message):
            return Fault("version", message)
        if artifact_gone and _UNREADABLE.search(message):
            return Fault("version", f"Its artifact is gone. {message}")
    return Fault("environment", message if code == "ValidationException" else f"{code}: {message}")


def is_unreadable(message: str) -> bool:
    """Whether only a look at the artifact tells whose fault it is."""
    return _UNREADABLE.search(message) is not None


def failure(reason: str, *, artifact_gone: bool = False) -> Fault:
    """Of an endpoint that failed, or went back to what it had; `reason` is SageMaker's, "" where it gave none."""
    if quota := quota_in(reason):
        return Fault("environment", str(quota))
    if _BAD_CONTAINER.search(reason) or _ALARMED.search(reason) or _BAD_IMAGE.search(reason):
        return Fault("version", reason)
    if artifact_gone and _UNREADABLE.search(reason):
        return Fault("version", f"Its artifact is gone. {reason}")
    return Fault("environment", reason or "SageMaker gave no reason.")
