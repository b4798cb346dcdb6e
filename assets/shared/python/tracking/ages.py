"""How long a run may stay in a state that is not its last one. Past that nothing is going to follow by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

# An event may be late by ten minutes; the look that does without it comes every ten, and what it starts takes a while.
EVENT = timedelta(minutes=30)
# SageMaker ends the update of an endpoint after an hour or more, and its verdict may take half an hour to be asked for.
DEPLOYMENT = timedelta(hours=3)
# Prepare, Train and Evaluate, each of which its pipeline tries again once or twice when instances are short.
JOBS = 5


@dataclass(frozen=True)
class Age:
    """When a run came into its state, and how long it may be there. `command`: what a person can do then."""

    since: datetime
    limit: timedelta
    command: str

    def is_past(self, now: datetime | None = None) -> bool:
        return (now or datetime.now(UTC)) - self.since > self.limit

    def words(self) -> str:
        minutes = int(self.limit.total_seconds() // 60)
        since = self.since.astimezone(UTC)
        return f"It is so since {since:%Y-%m-%d %H:%M} UTC, and takes {minutes} minutes at most: {self.command}"


def etl_age(workflow: Mapping[str, Any], *, run_id: str) -> Age | None:
    """Of a run whose workflow runs, or has just made the data set."""
    since = workflow.get("CompletedOn") or workflow.get("StartedOn")
    if since is None:
        return None
    if workflow["Status"] not in ("RUNNING", "STOPPING"):
        return Age(since, EVENT, f"mlops retry {run_id}")
    nodes = workflow.get("Graph", {}).get("Nodes", ())
    runs = [run for node in nodes for run in node.get("JobDetails", {}).get("JobRuns", ())]
    # Glue ends the job then. A workflow that has started no job for so long never will.
    timeout = timedelta(minutes=max((int(run.get("Timeout") or 0) for run in runs), default=0))
    return Age(since, EVENT + timeout, f"mlops retry {run_id}")


def training_age(execution: Mapping[str, Any], *, run_id: str, job_seconds: int) -> Age | None:
    since = execution.get("StartTime")
    limit = EVENT + JOBS * timedelta(seconds=job_seconds)
    return Age(since, limit, f"mlops retry {run_id}") if since else None


def deployment_age(package: Mapping[str, Any], model: str) -> Age:
    """Of an approved version on its way to the endpoint: a request is recorded with it, and so it was modified then."""
    requested = package.get("CustomerMetadataProperties", {}).get("deployment_state") == "requested"
    since = package.get("LastModifiedTime") or package["CreationTime"]
    return Age(since, DEPLOYMENT if requested else EVENT, f"mlops deploy {model}")
