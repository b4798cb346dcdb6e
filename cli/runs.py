"""What became of an upload: data set, training, registry and deployment, read from AWS alone (local or real)."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from cli.errors import CliError
from cli.registry import live_package
from cli.target import Target

# Where a run stands. "unchanged": training gave the champion once more.
FINAL = frozenset({"live", "refused", "failed", "rejected", "superseded", "waiting", "unchanged"})
STATES = ("uploaded", "etl", "training", "deploying", *sorted(FINAL))
START_TIMEOUT = 60.0  # from the request for a training to its pipeline execution


@dataclass(frozen=True)
class Step:
    """One job or step of a run. `seconds` is None until it ended."""

    name: str
    status: str
    seconds: float | None = None
    reason: str = ""
    log_group: str = ""
    log_stream: str = ""


@dataclass(frozen=True)
class Run:
    """One data set on its way to an endpoint."""

    run_id: str
    model: str
    state: str
    file: str
    started: datetime | None
    reason: str
    steps: tuple[Step, ...]
    manifest: Mapping[str, Any] | None
    evaluation: Mapping[str, Any] | None
    evaluation_uri: str
    model_version: int | None

    @property
    def final(self) -> bool:
        return self.state in FINAL

    @property
    def failed_step(self) -> Step | None:
        return next((s for s in self.steps if s.status in ("Failed", "FAILED", "TIMEOUT", "STOPPED", "Stopped")), None)

    def to_json(self) -> dict[str, Any]:
        document = asdict(self)
        document["started"] = self.started.isoformat() if self.started else None
        return document


def list_runs(target: Target, *, model: str) -> list[Run]:
    """Every run of the model, newest first."""
    s3, bucket = target.client("s3"), target.output("ProcessedBucketName")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{model}/run=", Delimiter="/")
    prefixes = [p["Prefix"] for page in pages for p in page.get("CommonPrefixes", [])]
    ids = [prefix.rstrip("/").rsplit("=", 1)[1] for prefix in prefixes]
    reader = RunReader(target, model=model)
    with ThreadPoolExecutor(8) as pool:
        runs = list(pool.map(reader.read, ids))
    return sorted(runs, key=lambda run: run.started.timestamp() if run.started else 0.0, reverse=True)


def seconds_between(start: datetime | None, end: datetime | None) -> float | None:
    return round((end - start).total_seconds(), 2) if start and end else None


def retry(target: Target, run: Run) -> str:
    """Start the pipeline again on the run's data set; steps that nothing changed for come from the cache.

    Returns the ARN of the execution. Raises CliError when there is no data set, or nothing that a retry would change.
    """
    if not run.final:
        raise CliError(f"Run {run.run_id} is under way ({run.state}).", "Wait for its end.")
    if run.manifest is None:
        raise CliError(
            f"Run {run.run_id} has no data set to train on: {run.reason.rstrip('.')}.",
            f"Upload the corrected file: mlops upload {run.file.rsplit('/', 1)[-1]}.",
        )
    if run.state in ("live", "waiting"):
        raise CliError(f"There is nothing to retry: run {run.run_id} is {run.state}. {run.reason}")
    return train_again(target, model=run.model, run_id=run.run_id)


def train_again(target: Target, *, model: str, run_id: str) -> str:
    """Ask for another training on the run's data set. Returns the ARN of its execution.

    Raises CliError when none appears.
    """
    reader, bus = RunReader(target, model=model), target.client("events")
    before = reader.execution_arn(run_id)
    detail = {"model": model, "run_id": run_id, "attempt": uuid.uuid4().hex[:12]}
    bus.put_events(Entries=[{"Source": "mlops", "DetailType": "Training Requested", "Detail": json.dumps(detail)}])
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        found = reader.execution_arn(run_id)
        if found and found != before:
            return found
        time.sleep(0.3)
    raise CliError(f"No training of run {run_id} started within {START_TIMEOUT:.0f} s.", "Read start_training's log.")


def find_run(target: Target, *, model: str, run_id: str) -> Run:
    """The run. Raises CliError when no upload has this id."""
    run = RunReader(target, model=model).read(run_id)
    if not run.steps and run.state == "uploaded":
        raise CliError(f"There is no run {run_id} of {model}.", "List them: mlops runs.")
    return run


class RunReader:
    """Reads runs of one model. Finished parts are read once, so that polling stays cheap."""

    def __init__(self, target: Target, *, model: str) -> None:
        self._target = target
        self._model = model
        self._bucket = target.output("ProcessedBucketName")
        self._documents: dict[str, Mapping[str, Any]] = {}

    def read(self, run_id: str) -> Run:
        prefix = f"{self._model}/run={run_id}"
        # First: what the job writes before it ends is there when it is seen to have ended.
        workflow = self._workflow_run(run_id)
        manifest = self._document(self._bucket, f"{prefix}/manifest.json")
        refused = None if manifest else self._document(self._bucket, f"{prefix}/refused.json")
        steps = list(_glue_steps(workflow))
        state, reason = _etl_state(workflow, refused, manifest)
        execution = self._execution(run_id) if manifest else None
        evaluation: Mapping[str, Any] | None = None
        evaluation_uri, version = "", None
        if execution:
            listed = list(self._pipeline_steps(execution["PipelineExecutionArn"]))
            steps += [step for step, _ in listed]
            state, reason = _training_state(execution, [step for step, _ in listed])
            package = next((m["RegisterModel"]["Arn"] for _, m in listed if "RegisterModel" in m), None)
            evaluation_uri = self._evaluation_uri(execution["PipelineExecutionArn"], listed)
            evaluation = self._document_at(evaluation_uri)
            if evaluation and evaluation["gate"]["decision"] == "unchanged":
                state, reason = "unchanged", str(evaluation["gate"]["reason"])
                version = evaluation["champion"]["model_version"]
            elif evaluation and evaluation["gate"]["decision"] != "register":
                state, reason = "rejected", str(evaluation["gate"]["reason"])
            elif package and state == "deploying":
                state, reason, version = self._deployment(package)
        source = (manifest or refused or {}).get("source") or (workflow or {}).get("WorkflowRunProperties", {})
        return Run(
            run_id=run_id,
            model=self._model,
            state=state,
            file=str(source.get("key", "")),
            started=(workflow or {}).get("StartedOn"),
            reason=reason,
            steps=tuple(steps),
            manifest=manifest,
            evaluation=evaluation,
            evaluation_uri=evaluation_uri,
            model_version=version,
        )

    def _document(self, bucket: str, key: str) -> Mapping[str, Any] | None:
        where = f"{bucket}/{key}"
        if where not in self._documents:
            try:
                body = self._target.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
            except ClientError as error:
                if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                    return None
                raise
            self._documents[where] = json.loads(body)
        return self._documents[where]

    def _document_at(self, uri: str) -> Mapping[str, Any] | None:
        if not uri:
            return None
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return self._document(bucket, f"{key}/evaluation.json")

    def _workflow_run(self, run_id: str) -> dict[str, Any] | None:
        """The newest workflow run that carries this run id, with its graph."""
        glue, name = self._target.client("glue"), self._target.output("WorkflowName")
        token: dict[str, str] = {}
        while True:
            page = glue.get_workflow_runs(Name=name, IncludeGraph=True, **token)
            found = [r for r in page.get("Runs", []) if r.get("WorkflowRunProperties", {}).get("run_id") == run_id]
            if found:
                newest: dict[str, Any] = max(found, key=lambda run: run["StartedOn"])
                return newest
            if not page.get("NextToken"):
                return None
            token = {"NextToken": page["NextToken"]}

    def execution_arn(self, run_id: str) -> str | None:
        """The newest pipeline execution of the run."""
        execution = self._execution(run_id)
        return str(execution["PipelineExecutionArn"]) if execution else None

    def _execution(self, run_id: str) -> dict[str, Any] | None:
        sagemaker = self._target.client("sagemaker")
        pages = sagemaker.get_paginator("list_pipeline_executions").paginate(
            PipelineName=self._target.resource_name(self._model), SortBy="CreationTime", SortOrder="Descending"
        )
        for page in pages:
            for summary in page["PipelineExecutionSummaries"]:
                if summary.get("PipelineExecutionDisplayName") == f"run-{run_id}":
                    execution: dict[str, Any] = sagemaker.describe_pipeline_execution(
                        PipelineExecutionArn=summary["PipelineExecutionArn"]
                    )
                    return execution
        return None

    def _pipeline_steps(self, execution_arn: str) -> Iterator[tuple[Step, Mapping[str, Any]]]:
        sagemaker = self._target.client("sagemaker")
        listed = sagemaker.list_pipeline_execution_steps(
            PipelineExecutionArn=execution_arn, SortOrder="Ascending", MaxResults=100
        )["PipelineExecutionSteps"]
        for step in listed:
            metadata = step.get("Metadata", {})
            group, stream = _log_place(metadata)
            yield (
                Step(
                    name=step["StepName"],
                    status="Cached" if "CacheHitResult" in step else step["StepStatus"],
                    seconds=seconds_between(step.get("StartTime"), step.get("EndTime")),
                    reason=step.get("FailureReason", "") or metadata.get("Fail", {}).get("ErrorMessage", ""),
                    log_group=group,
                    log_stream=stream,
                ),
                metadata,
            )

    def _evaluation_uri(self, execution_arn: str, steps: list[tuple[Step, Mapping[str, Any]]]) -> str:
        """The S3 folder of the evaluation, from the job that wrote it (the cached one on a cache hit)."""
        for step, metadata in steps:
            if step.name == "Evaluate" and step.status in ("Succeeded", "Cached") and "ProcessingJob" in metadata:
                name = metadata["ProcessingJob"]["Arn"].rsplit("/", 1)[1]
                job = self._target.client("sagemaker").describe_processing_job(ProcessingJobName=name)
                outputs = job["ProcessingOutputConfig"]["Outputs"]
                uri: str = next(o["S3Output"]["S3Uri"] for o in outputs if o["OutputName"] == "evaluation")
                return uri.rstrip("/")
        return ""

    def _deployment(self, package_arn: str) -> tuple[str, str, int]:
        """State, reason and version of a registered model package."""
        package = self._target.client("sagemaker").describe_model_package(ModelPackageName=package_arn)
        version, approval = int(package["ModelPackageVersion"]), package["ModelApprovalStatus"]
        if approval == "PendingManualApproval":
            return "waiting", f"Version {version} waits for a person's approval.", version
        if approval == "Rejected":
            return "rejected", package.get("ApprovalDescription", "Rejected."), version
        metadata = package.get("CustomerMetadataProperties", {})
        recorded, reason = metadata.get("deployment_state", ""), metadata.get("deployment_reason", "")
        if recorded == "superseded":
            return "superseded", reason, version
        if recorded != "deployed":
            return "deploying", reason or "The endpoint is about to change.", version
        served = live_package(self._target, self._model)
        if served == package_arn:
            return "live", f"Served by {self._target.resource_name(self._model)}. {reason}", version
        return "superseded", f"Version {_version(served)} is served now.", version


def _version(package_arn: str) -> int:
    tail = package_arn.rsplit("/", 1)[-1]
    return int(tail) if tail.isdigit() else 0


def _glue_steps(workflow: Mapping[str, Any] | None) -> Iterator[Step]:
    for node in (workflow or {}).get("Graph", {}).get("Nodes", []):
        for run in node.get("JobDetails", {}).get("JobRuns", []):
            yield Step(
                name=node["Name"],
                status=run["JobRunState"],
                seconds=seconds_between(run.get("StartedOn"), run.get("CompletedOn")),
                reason=run.get("ErrorMessage", ""),
                log_group="/aws-glue/jobs/error",
                log_stream=run["Id"],
            )


def _etl_state(
    workflow: Mapping[str, Any] | None, refused: Mapping[str, Any] | None, manifest: Mapping[str, Any] | None
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
    reason = next((s.reason for s in _glue_steps(workflow) if s.reason), "")
    return "failed", reason or workflow.get("ErrorMessage", "") or f"The Glue workflow ended as {workflow['Status']}."


def _training_state(execution: Mapping[str, Any], steps: list[Step]) -> tuple[str, str]:
    status = execution["PipelineExecutionStatus"]
    if status in ("Executing", "Stopping"):
        return "training", ""
    if status == "Succeeded":
        return "deploying", ""
    own = next((f"{step.name}: {step.reason}" for step in steps if step.status == "Failed" and step.reason), "")
    return "failed", own or execution.get("FailureReason", f"The pipeline execution ended as {status}.")


def _log_place(metadata: Mapping[str, Any]) -> tuple[str, str]:
    """Log group and stream prefix of the job behind a pipeline step."""
    for key, group in (
        ("ProcessingJob", "/aws/sagemaker/ProcessingJobs"),
        ("TrainingJob", "/aws/sagemaker/TrainingJobs"),
        ("TransformJob", "/aws/sagemaker/TransformJobs"),
    ):
        if key in metadata:
            return group, metadata[key]["Arn"].rsplit("/", 1)[1]
    return "", ""


def log_tail(target: Target, step: Step, *, lines: int = 20) -> tuple[str, ...]:
    """The last lines that a step logged, oldest first; empty when it logged nothing."""
    if not step.log_group:
        return ()
    logs = target.client("logs")
    try:
        streams = logs.describe_log_streams(logGroupName=step.log_group, logStreamNamePrefix=step.log_stream)
        found: list[str] = []
        for stream in streams["logStreams"]:
            events = logs.get_log_events(
                logGroupName=step.log_group, logStreamName=stream["logStreamName"], limit=lines, startFromHead=False
            )["events"]
            found += [event["message"].rstrip() for event in events]
    except logs.exceptions.ResourceNotFoundException:
        return ()
    return tuple(found[-lines:])
