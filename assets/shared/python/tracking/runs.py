"""What became of an upload: data set, training, registry and deployment, read from AWS alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from tracking.place import Place
from tracking.run import Run, Step
from tracking.versions import live_package


def list_runs(place: Place, *, model: str) -> list[Run]:
    """Every run of the model, newest first."""
    s3, bucket = place.client("s3"), place.processed_bucket
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{model}/run=", Delimiter="/")
    prefixes = [p["Prefix"] for page in pages for p in page.get("CommonPrefixes", [])]
    ids = [prefix.rstrip("/").rsplit("=", 1)[1] for prefix in prefixes]
    reader = RunReader(place, model=model)
    with ThreadPoolExecutor(8) as pool:
        runs = list(pool.map(reader.read, ids))
    return sorted(runs, key=lambda run: run.started.timestamp() if run.started else 0.0, reverse=True)


class RunReader:
    """Reads runs of one model. Finished parts are read once, so that polling stays cheap."""

    def __init__(self, place: Place, *, model: str) -> None:
        self._place = place
        self._model = model
        self._bucket = place.processed_bucket
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
                body = self._place.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
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
        glue, name = self._place.client("glue"), self._place.workflow
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
        sagemaker = self._place.client("sagemaker")
        pages = sagemaker.get_paginator("list_pipeline_executions").paginate(
            PipelineName=self._place.resource_name(self._model), SortBy="CreationTime", SortOrder="Descending"
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
        sagemaker = self._place.client("sagemaker")
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
                job = self._place.client("sagemaker").describe_processing_job(ProcessingJobName=name)
                outputs = job["ProcessingOutputConfig"]["Outputs"]
                uri: str = next(o["S3Output"]["S3Uri"] for o in outputs if o["OutputName"] == "evaluation")
                return uri.rstrip("/")
        return ""

    def _deployment(self, package_arn: str) -> tuple[str, str, int]:
        """State, reason and version of a registered model package."""
        package = self._place.client("sagemaker").describe_model_package(ModelPackageName=package_arn)
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
        served = live_package(self._place, self._model)
        if served == package_arn:
            return "live", f"It is served. {reason}", version
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


def seconds_between(start: datetime | None, end: datetime | None) -> float | None:
    return round((end - start).total_seconds(), 2) if start and end else None
