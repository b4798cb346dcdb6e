"""How a model is served."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# A hundred requests a second and instance, a small part of what one answers: there is time to add instances.
INVOCATIONS = 6000


@dataclass(frozen=True)
class Scaling:
    """Between which numbers of instances, and how many requests a minute each of them should get."""

    min_instances: int
    max_instances: int
    invocations_per_instance: int


@dataclass(frozen=True)
class Serving:
    """`threshold` is the probability from which a binary model says the positive level.

    The canary takes its share of the traffic for some minutes before a real-time endpoint turns to a new version.
    `invocations_per_instance` is what automatic scaling aims at, in requests a minute.
    """

    mode: Literal["serverless", "realtime"]
    memory_mb: int = 2048
    max_concurrency: int = 5
    instance_type: str = "ml.m5.large"
    instance_count: int = 1
    min_instances: int | None = None
    max_instances: int | None = None
    invocations_per_instance: int | None = None
    threshold: float | None = None
    hosting: Literal["dedicated", "multi-model"] = "dedicated"
    canary_percent: int = 20
    canary_minutes: int = 5

    @property
    def scaling(self) -> Scaling | None:
        """None: the number of instances stays."""
        if self.min_instances is None or self.max_instances is None:
            return None
        return Scaling(self.min_instances, self.max_instances, self.invocations_per_instance or INVOCATIONS)

    @property
    def update_seconds(self) -> int:
        """How long SageMaker may take to change the endpoint: to start instances, and to watch them at most twice."""
        return max(3600, 2 * self.canary_minutes * 60 + 1800)

    @property
    def least_instances(self) -> int:
        """How many instances serve when there is nothing to do."""
        return self.min_instances or self.instance_count
