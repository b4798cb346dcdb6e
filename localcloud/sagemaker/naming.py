"""Names and ARNs of SageMaker resources."""

import secrets
import string
import time

from localcloud import platform

_ALPHABET = string.ascii_lowercase + string.digits
JOB_NAME_LENGTH = 63
# The longest prefix that a step may give the names of its jobs.
PREFIX_LENGTH = 38


def arn(kind: str, name: str) -> str:
    return platform.arn("sagemaker", f"{kind}/{name}")


def name_of(name_or_arn: str) -> str:
    """The name, also out of an ARN such as .../pipeline/<name>."""
    return name_or_arn.split("/", 1)[1] if name_or_arn.startswith("arn:") else name_or_arn


def random_id(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def step_resource_name(execution_id: str, step: str, prefix: str | None = None) -> str:
    """The name of what a pipeline step creates, 63 characters at most: pipelines-<execution>-<Step>-<suffix>.

    <prefix>-<execution>-<suffix> when the step's arguments have a name: SageMaker takes it for a prefix.
    """
    start, end = f"{prefix or 'pipelines'}-{execution_id}", f"-{random_id(10)}"
    if prefix:
        return f"{start}{end}"
    middle = step.replace("_", "-")[: JOB_NAME_LENGTH - len(start) - 1 - len(end)].strip("-")
    return f"{start}-{middle}{end}"


def now() -> float:
    """Seconds since the epoch with milliseconds, as SageMaker's timestamps have."""
    return round(time.time(), 3)
