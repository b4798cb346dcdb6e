"""One attempt of a pipeline step, and what it may do with the permissions of the pipeline's role."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud import platform
from localcloud.sagemaker.executions import Execution, StepExecution
from localcloud.sagemaker.naming import step_resource_name
from localcloud.sagemaker.s3io import PRINCIPAL
from localcloud.sagemaker.steptypes import STEP_TYPES

Json = dict[str, Any]
# What retry policies call the errors of operations, and the failure reasons of jobs.
RETRIED_CODES = {
    "ThrottlingException": "Step.THROTTLING",
    "TooManyRequestsException": "Step.THROTTLING",
    "ResourceLimitExceeded": "SageMaker.RESOURCE_LIMIT",
    "InternalFailure": "Step.SERVICE_FAULT",
    "ServiceException": "Step.SERVICE_FAULT",
}
RETRIED_REASONS = {"InternalServerError": "SageMaker.JOB_INTERNAL_ERROR", "CapacityError": "SageMaker.CAPACITY_ERROR"}


class StepFailed(Exception):  # noqa: N818 - a state of the step
    """The step ends Failed; `kind` is the exception type that retry policies know it by."""

    def __init__(self, reason: str, kind: str | None = None) -> None:
        super().__init__(reason)
        self.kind = kind


class StepStopped(Exception):  # noqa: N818 - see StepFailed
    """The step ends Stopped."""


@dataclass(frozen=True)
class Call:
    """One attempt of a step, with its references resolved."""

    execution: Execution
    step: Mapping[str, Any]
    shown: StepExecution
    arguments: Json

    def new_name(self) -> str:
        prefix = self.arguments.get(STEP_TYPES[self.step["Type"]].name_member)
        return step_resource_name(self.execution.id, self.shown.name, prefix)

    def invoke(self, operation: str, function: Callable[[], Any], *permissions: tuple[str, str]) -> Any:
        """Do what an operation of SageMaker does, when the pipeline's role has the permissions for it."""
        try:
            for action, resource in permissions:
                context = {"iam:PassedToService": PRINCIPAL} if action == "iam:PassRole" else None
                platform.check_role(self.execution.role, action, resource, context)
            return function()
        except platform.AccessDenied as error:
            raise StepFailed(f"ClientError: Failed to invoke sagemaker:{operation}. Error Details: {error}") from error
        except platform.OperationError as error:
            reason = f"ClientError: Failed to invoke sagemaker:{operation}. Error Details: {error.message}"
            raise StepFailed(reason, RETRIED_CODES.get(error.code)) from error
