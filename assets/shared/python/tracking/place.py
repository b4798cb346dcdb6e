"""Where one environment keeps its records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# How long a job of a pipeline may take, where the environment does not say it.
JOB_SECONDS = 4 * 3600


@dataclass(frozen=True)
class Place:
    """`client` gives the boto3 client of a service, the same one each time. Names start with `prefix`.

    `artifact_bucket` holds what the pipelines write. `shared_bucket` holds which version of each model the multi-model
    endpoint serves; None where there is no such.
    """

    client: Callable[[str], Any]
    prefix: str
    processed_bucket: str
    workflow: str
    artifact_bucket: str
    shared_bucket: str | None = None
    job_seconds: int = JOB_SECONDS

    def resource_name(self, model: str) -> str:
        """The name of a model's pipeline, model package group and endpoint."""
        return resource_name(self.prefix, model)

    def evaluation_uri(self, model: str, execution_arn: str) -> str:
        """The S3 folder in which an execution of the model's pipeline leaves its evaluation."""
        return f"s3://{self.artifact_bucket}/{model}/{execution_arn.rpartition('/')[2]}/evaluation"

    @property
    def glue_logs(self) -> str:
        """What the log groups of the environment's Glue job start with."""
        return f"/aws-glue/{self.prefix.rstrip('-')}"


def project_of(prefix: str, stage: str) -> str:
    """The project whose environment `stage` has names that start with `prefix`: acme for acme-dev-."""
    return prefix.removesuffix(f"-{stage}-")


def resource_name(prefix: str, model: str) -> str:
    """SageMaker takes no underscore."""
    return prefix + model.replace("_", "-")
