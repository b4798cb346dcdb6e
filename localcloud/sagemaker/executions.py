"""Executions of pipelines and of their steps: what is known of them, and the events of their changes."""

import threading
from dataclasses import dataclass, field
from typing import Any

from localcloud.sagemaker import events
from localcloud.sagemaker.naming import now

REASON_LENGTH = 1024
Json = dict[str, Any]


@dataclass
class StepExecution:
    name: str
    type: str
    display_name: str | None = None
    description: str | None = None
    status: str = "Starting"
    started: float = field(default_factory=now)
    ended: float | None = None
    attempt: int = 1
    failure: str | None = None
    metadata: Json = field(default_factory=dict)
    """What the step created, as ListPipelineExecutionSteps shows it."""
    attributes: Json = field(default_factory=dict)
    """What other steps may refer to."""
    cache_source: str | None = None
    """ARN of the execution whose result was reused."""

    def summary(self) -> Json:
        return {
            "StepName": self.name,
            "StepDisplayName": self.display_name,
            "StepDescription": self.description,
            "StartTime": self.started,
            "EndTime": self.ended,
            "StepStatus": self.status,
            "AttemptCount": self.attempt,
            "FailureReason": self.failure,
            "Metadata": dict(self.metadata),
            "CacheHitResult": {"SourcePipelineExecutionArn": self.cache_source} if self.cache_source else None,
        }


@dataclass
class Execution:
    arn: str
    pipeline: Json
    """The pipeline as it was when the execution started."""
    definition: Json
    parameters: Json
    given: list[Json]
    """The parameters as the request had them."""
    display_name: str
    description: str | None
    token: str | None
    parallel: int
    status: str = "Executing"
    created: float = field(default_factory=now)
    modified: float = field(default_factory=now)
    ended: float | None = None
    failure: str | None = None
    steps: dict[str, StepExecution] = field(default_factory=dict)
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def id(self) -> str:
        return self.arn.rpartition("/")[2]

    @property
    def pipeline_arn(self) -> str:
        return str(self.pipeline["PipelineArn"])

    @property
    def role(self) -> str:
        return str(self.pipeline["RoleArn"])

    def description_shown(self) -> Json:
        return {
            "PipelineArn": self.pipeline_arn,
            "PipelineExecutionArn": self.arn,
            "PipelineExecutionDisplayName": self.display_name,
            "PipelineExecutionDescription": self.description,
            "PipelineExecutionStatus": self.status,
            "FailureReason": self.failure,
            "PipelineExecutionFailureReason": self.failure,
            "CreationTime": self.created,
            "StartTime": self.created,
            "LastModifiedTime": self.modified,
        }

    def change(self, status: str, failure: str | None = None) -> None:
        previous = self.status if self.status != status else None
        self.status, self.modified = status, now()
        self.failure = failure[:REASON_LENGTH] if failure else None
        if status in ("Succeeded", "Failed", "Stopped"):
            self.ended = self.modified
        events.execution_changed(self, previous)

    def change_step(self, step: StepExecution, status: str, failure: str | None = None) -> None:
        previous = step.status if step.status != status else None
        step.status = status
        step.failure = failure[:REASON_LENGTH] if failure else None
        if status in ("Succeeded", "Failed", "Stopped"):
            step.ended = now()
        self.modified = now()
        events.step_changed(self, step, previous)

    def variables(self) -> Json:
        """The values of Execution.* references."""
        return {
            "PipelineName": self.pipeline["PipelineName"],
            "PipelineArn": self.pipeline_arn,
            "PipelineExecutionId": self.id,
            "PipelineExecutionArn": self.arn,
            "StartDateTime": events.iso(self.created),
            "CurrentDateTime": events.iso(now()),
        }


@dataclass(frozen=True)
class Result:
    """What a succeeded step leaves for the cache."""

    pipeline_arn: str
    step: str
    key: str
    execution_arn: str
    ended: float
    metadata: Json
    attributes: Json
