"""What the states of Glue and SageMaker say about how far a run got."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tracking.run import Step
from tracking.states import PENDING, REJECTED

# Where Glue says that a job writes which names no groups of its own.
GLUE_LOGS = "/aws-glue/jobs"


def glue_steps(workflow: Mapping[str, Any] | None, *, logs: str) -> Iterator[Step]:
    """`logs`: what the log groups of the job start with."""
    for name, run in _job_runs(workflow):
        groups = glue_log_groups(run, logs)
        yield Step(
            name=name,
            status=run["JobRunState"],
            seconds=seconds_between(run.get("StartedOn"), run.get("CompletedOn")),
            reason=run.get("ErrorMessage", ""),
            log_group=groups[0],
            log_stream=run["Id"],
            other_log_groups=groups[1:],
        )


def _job_runs(workflow: Mapping[str, Any] | None) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for node in (workflow or {}).get("Graph", {}).get("Nodes", []):
        for run in node.get("JobDetails", {}).get("JobRuns", []):
            yield node["Name"], run


def glue_log_groups(run: Mapping[str, Any], logs: str) -> tuple[str, ...]:
    """Where a run of a job may have written. With a security configuration the groups have names of their own.

    The guides of Glue give three forms for these: the run itself tells the first, the others are tried as well. Whether
    the run tells the job's own prefix (`logs`) or Glue's is written nowhere.
    """
    name, told = run.get("SecurityConfiguration"), run.get("LogGroupName", GLUE_LOGS).rstrip("/")
    own = logs + told.removeprefix(logs).removeprefix(GLUE_LOGS)
    groups = [f"{start}/{kind}" for start in (own, logs) for kind in ("error", "output")]
    if name:
        groups += [f"{logs}/{kind}-{name}" for kind in ("error", "output")]
    return tuple(dict.fromkeys(groups))


@dataclass(frozen=True)
class Queued:
    """Which of the `waiting` files of its model it is, from 1; and when it was uploaded."""

    place: int
    waiting: int
    uploaded: datetime | None


# What a claim says of a file of which Glue has no run to tell of.
BEFORE_ETL = ("waiting", "starting", "superseded", "failed")


def claim_state(claim: Mapping[str, Any], queued: Queued | None) -> tuple[str, str]:
    """Of a file that has not started."""
    if claim["state"] == "superseded":
        return "superseded", str(claim.get("reason", ""))
    if claim["state"] == "failed":
        why = str(claim.get("reason", "")).rstrip(".")
        return "failed", f"The ETL could not be started: {why}. It waits in the dead letters: mlops redrive upload"
    if queued is None:
        return "queued", "It is about to start."
    when = f", uploaded {queued.uploaded:%Y-%m-%d %H:%M:%S} UTC" if queued.uploaded else ""
    return "queued", f"{queued.place} of {queued.waiting} files that wait for their turn{when}."


def etl_state(
    workflow: Mapping[str, Any] | None,
    refused: Mapping[str, Any] | None,
    manifest: Mapping[str, Any] | None,
    *,
    run_id: str,
) -> tuple[str, str]:
    if manifest:
        return "training", "The data set is ready; the pipeline is about to start."
    running = workflow is not None and workflow["Status"] in ("RUNNING", "STOPPING")
    if refused and not running:
        return "refused", str(refused["reason"])
    if workflow is None:
        return "uploaded", "Waiting for the ETL to start."
    if running:
        return "etl", ""
    jobs = [run for _, run in _job_runs(workflow)]
    if jobs and all(run["JobRunState"] == "SUCCEEDED" for run in jobs):
        again = f"Make it anew: mlops retry {run_id} --from etl"
        return "failed", f"The ETL job made a data set, and its manifest.json is gone. {again}"
    reason = next((text for run in jobs if (text := run.get("ErrorMessage"))), "")
    return "failed", reason or workflow.get("ErrorMessage", "") or f"The Glue workflow ended as {workflow['Status']}."


def training_state(execution: Mapping[str, Any], steps: list[Step]) -> tuple[str, str]:
    status = execution["PipelineExecutionStatus"]
    if status in ("Executing", "Stopping"):
        return "training", ""
    if status == "Succeeded":
        return "deploying", ""
    own = next((f"{step.name}: {step.reason}" for step in steps if step.status == "Failed" and step.reason), "")
    return "failed", own or execution.get(
        "PipelineExecutionFailureReason", f"The pipeline execution ended as {status}."
    )


def deployment_state(package: Mapping[str, Any], live: Callable[[], str], model: str) -> tuple[str, str]:
    """Of a registered version. `live` gives the ARN of the one that answers now."""
    version, approval = int(package["ModelPackageVersion"]), package["ModelApprovalStatus"]
    if approval == PENDING:
        why = package.get("ModelPackageDescription", "")
        return "waiting", f"Version {version} waits for a person's approval. {why}".rstrip()
    metadata = package.get("CustomerMetadataProperties", {})
    recorded, reason = metadata.get("deployment_state", ""), metadata.get("deployment_reason", "")
    if approval == REJECTED:
        # Of an outdated one until the pipeline has started: from then on the run is what becomes of that.
        again = recorded == "outdated"
        return ("training", reason) if again else ("rejected", package.get("ApprovalDescription", "Rejected."))
    if recorded == "deployed":
        return _served(package["ModelPackageArn"], live(), reason, model)
    if recorded == "superseded":
        return "superseded", reason
    if recorded in ("blocked", "stopped"):
        return "waiting", f"Version {version} is approved and {recorded}: {reason.rstrip('.')}. {_back(model)}"
    return "deploying", reason or "The endpoint is about to change."


def _served(package: str, served: str, reason: str, model: str) -> tuple[str, str]:
    if served == package:
        return "live", f"It is served. {reason}"
    if not served:
        return "superseded", f"No version is served now: the endpoint is gone. {_back(model)}"
    return "superseded", f"Version {version_of(served)} is served now."


def _back(model: str) -> str:
    return f"Bring it back: mlops deploy {model}."


def version_of(package_arn: str) -> int:
    tail = package_arn.rsplit("/", 1)[-1]
    return int(tail) if tail.isdigit() else 0


def log_place(metadata: Mapping[str, Any]) -> tuple[str, str]:
    """Log group and stream prefix of the job behind a pipeline step."""
    for key, group in (
        ("ProcessingJob", "/aws/sagemaker/ProcessingJobs"),
        ("TrainingJob", "/aws/sagemaker/TrainingJobs"),
        ("TransformJob", "/aws/sagemaker/TransformJobs"),
    ):
        if key in metadata:
            return group, metadata[key]["Arn"].rsplit("/", 1)[1]
    return "", ""


def moment(text: str | None) -> datetime | None:
    """Of a time in ISO 8601."""
    return datetime.fromisoformat(text) if text else None


def seconds_between(start: datetime | None, end: datetime | None) -> float | None:
    return round((end - start).total_seconds(), 2) if start and end else None
