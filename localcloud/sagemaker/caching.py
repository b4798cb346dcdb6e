"""Reuse of a step's result: the same arguments in the same pipeline, not older than the step's ExpireAfter."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from localcloud.sagemaker import durations
from localcloud.sagemaker.executions import Execution, Result, StepExecution
from localcloud.sagemaker.naming import now
from localcloud.sagemaker.steptypes import STEP_TYPES
from localcloud.sagemaker.store import STORE

Json = Mapping[str, Any]


def enabled(step: Json) -> bool:
    return bool(step.get("CacheConfig", {}).get("Enabled"))


def _key(step: Json, arguments: Json) -> str:
    """A hash of the arguments that count: where results go and on what machine they are made does not."""
    members = STEP_TYPES[step["Type"]].cache_members
    counted = (
        {name: arguments.get(name) for name in members}
        if members
        else {"all": arguments, "of": step.get("FunctionArn")}
    )
    return hashlib.sha256(json.dumps([step["Type"], counted], sort_keys=True).encode()).hexdigest()


def find(execution: Execution, step: Json, arguments: Json) -> Result | None:
    """The most recent result that may be reused."""
    if not enabled(step):
        return None
    key, oldest = _key(step, arguments), now() - durations.seconds(step["CacheConfig"]["ExpireAfter"])
    for result in reversed(STORE.results):
        same = (result.pipeline_arn, result.step, result.key) == (execution.pipeline_arn, step["Name"], key)
        if same and result.ended >= oldest:
            return result
    return None


def remember(execution: Execution, step: Json, arguments: Json, done: StepExecution) -> None:
    """Called for succeeded steps; steps without caching now may have it in a later version of the pipeline."""
    if "CacheConfig" not in STEP_TYPES[step["Type"]].extra:
        return
    STORE.results.append(
        Result(
            pipeline_arn=execution.pipeline_arn,
            step=done.name,
            key=_key(step, arguments),
            execution_arn=execution.arn,
            ended=now(),
            metadata=dict(done.metadata),
            attributes=dict(done.attributes),
        )
    )
