"""Everything the local SageMaker remembers, in memory."""

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from localcloud.sagemaker.endpoints import Endpoint
    from localcloud.sagemaker.executions import Execution, Result
    from localcloud.sagemaker.job import Job

Json = dict[str, Any]


@dataclass
class Store:
    """Records by name, in the shape that Describe shows, in the order of their creation."""

    pipelines: dict[str, Json] = field(default_factory=dict)
    executions: dict[str, "Execution"] = field(default_factory=dict)
    results: list["Result"] = field(default_factory=list)
    """Results of succeeded steps, which cached steps reuse."""
    jobs: dict[tuple[str, str], "Job"] = field(default_factory=dict)
    """By kind ("Processing") and name."""
    models: dict[str, Json] = field(default_factory=dict)
    endpoint_configs: dict[str, Json] = field(default_factory=dict)
    endpoints: dict[str, "Endpoint"] = field(default_factory=dict)
    groups: dict[str, Json] = field(default_factory=dict)
    packages: dict[str, Json] = field(default_factory=dict)
    """By ARN."""
    scalable_targets: dict[str, Json] = field(default_factory=dict)
    """By resource ID: endpoint/<name>/variant/<name>."""
    scaling_policies: dict[tuple[str, str], Json] = field(default_factory=dict)
    """By resource ID and name."""
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    """By ARN."""
    lock: threading.RLock = field(default_factory=threading.RLock)


STORE = Store()


def reset() -> None:
    """Forget everything: a new local cloud starts empty."""
    fresh = Store()
    for name in vars(fresh):
        setattr(STORE, name, getattr(fresh, name))
