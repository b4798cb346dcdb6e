"""Names and ARNs of SageMaker resources."""

import secrets
import string
import time

from localcloud import platform

_ALPHABET = string.ascii_lowercase + string.digits
JOB_NAME_LENGTH = 63


def arn(kind: str, name: str) -> str:
    return platform.arn("sagemaker", f"{kind}/{name}")


def name_of(name_or_arn: str) -> str:
    """The name, also out of an ARN such as .../pipeline/<name>."""
    return name_or_arn.split("/", 1)[1] if name_or_arn.startswith("arn:") else name_or_arn


def random_id(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def step_resource_name(execution_id: str, step: str) -> str:
    """The name of what a pipeline step creates: pipelines-<execution>-<Step>-<suffix>, 63 characters at most."""
    start, end = f"pipelines-{execution_id}-", f"-{random_id(10)}"
    middle = step.replace("_", "-")[: JOB_NAME_LENGTH - len(start) - len(end)].strip("-")
    return f"{start}{middle}{end}"


def now() -> float:
    """Seconds since the epoch with milliseconds, as SageMaker's timestamps have."""
    return round(time.time(), 3)
