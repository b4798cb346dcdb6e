"""What became of an upload: data set, training, registry and deployment, read from AWS alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

from tracking import resources
from tracking.ages import Age, deployment_age, etl_age, training_age
from tracking.documents import Documents
from tracking.place import Place
from tracking.progress import (
    BEFORE_ETL,
    Queued,
    claim_state,
    deployment_state,
    etl_state,
    glue_steps,
    log_place,
    moment,
    seconds_between,
    training_state,
    version_of,
)
from tracking.run import FINAL, Run, Step
from tracking.versions import live_package
from tracking.waiting import WaitingList

# What is told of an uploaded file.
SOURCE = ("bucket", "key", "version", "etag", "size")


def source_of(told: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Of what manifest or claim tell; None when they do not tell all of it. Claims of before have no `sequencer`."""
    if not all(name in told for name in SOURCE):
        return None
    return {**{name: told[name] for name in SOURCE}, "sequencer": told.get("sequencer", "")}


def list_runs(place: Place, *, model: str) -> list[Run]:
    """Every run of the model, newest first."""
    return list(RunReader(place, model=model).recent().runs)


@dataclass(frozen=True)
class RunPage:
    """Runs, newest first. `more`: there are older ones."""

    runs: tuple[Run, ...]
    more: bool


@dataclass(frozen=True)
class _Found:
    """What AWS lists of a run: its newest workflow run, its newest pipeline execution."""

    workflow: Mapping[str, Any] | None
    execution: Mapping[str, Any] | None
    queued: Queued | None = None

    @property
    def training(self) -> Mapping[str, Any] | None:
        """The execution, unless the data set was made anew since it began: then its training is to come."""
        began = (self.workflow or {}).get("StartedOn")
        return self.execution if self.execution and not (began and self.execution["StartTime"] < began) else None

    @property
    def started(self) -> float:
        """A file that waits has not started, and counts from its upload."""
        first = (self.workflow or {}).get("StartedOn") or (self.execution or {}).get("StartTime")
        first = self.queued.uploaded if self.queued else first
        return float(first.timestamp()) if first else 0.0


# Each with what SageMaker lists of it.
Steps = list[tuple[Step, Mapping[str, Any]]]


class RunReader:
    """Reads runs of one model. What is final is read once, so that polling stays cheap; threads may share a reader."""

    def __init__(self, place: Place, *, model: str) -> None:
        self._place = place
        self._model = model
        self._documents = Documents(place)
        # Steps and evaluation of executions that succeeded, by ARN: nothing can change these.
        self._succeeded: dict[str, tuple[Steps, str]] = {}
        # Workflow runs that ended, by id, with their graphs.
        self._ended: dict[str, Mapping[str, Any]] = {}

    def read(self, run_id: str) -> Run:
        # First: what the job writes before it ends is there when it is seen to have ended.
        workflow = next(self._workflow_runs(run_id), None)
        manifest = self._document(run_id, "manifest")
        execution = next(self._executions(run_id), None) if manifest else None
        return self._run(run_id, _Found(workflow, execution), lambda: live_package(self._place, self._model))

    def recent(self, *, limit: int | None = None, before: str | None = None) -> RunPage:
        """The newest runs, those that are older than the run `before` when it is named. Raises KeyError for no such."""
        workflows = {run["WorkflowRunProperties"]["run_id"]: run for run in self._workflow_runs()}
        executions = {item["PipelineExecutionDisplayName"][len("run-") :]: item for item in self._executions()}
        queue = self._queue()
        found = {
            run_id: _Found(workflows.get(run_id), executions.get(run_id), queue.get(run_id)) for run_id in self._ids()
        }
        ids = sorted(found, key=lambda run_id: (found[run_id].started, run_id), reverse=True)
        if before is not None and before not in found:
            raise KeyError(before)
        rest = ids[ids.index(before) + 1 :] if before is not None else ids
        live = cache(lambda: live_package(self._place, self._model))
        with ThreadPoolExecutor(8) as pool:
            runs = tuple(pool.map(lambda run_id: self._run(run_id, found[run_id], live), rest[:limit]))
        return RunPage(runs, more=limit is not None and len(rest) > limit)

    def execution_arn(self, run_id: str) -> str | None:
        """The newest pipeline execution of the run."""
        execution = next(self._executions(run_id), None)
        return str(execution["PipelineExecutionArn"]) if execution else None

    def _run(self, run_id: str, found: _Found, live: Callable[[], str]) -> Run:
        workflow, execution, queued = self._with_graph(found.workflow), found.training, found.queued
        manifest = self._document(run_id, "manifest")
        claim = self._claim(run_id) if manifest is None else {}
        # A file that was refused or failed, and was uploaded again, starts anew.
        anew = manifest is None and claim.get("state") in BEFORE_ETL
        if anew:
            workflow = None
        if anew and queued is None and claim["state"] == "waiting":
            queued = self._queue().get(run_id)
        refused = None if manifest or anew else self._document(run_id, "refused")
        steps = list(glue_steps(workflow, logs=self._place.glue_logs))
        state, reason = claim_state(claim, queued) if anew else etl_state(workflow, refused, manifest, run_id=run_id)
        evaluation: Mapping[str, Any] | None = None
        evaluation_uri, version = "", None
        age = etl_age(workflow, run_id=run_id) if workflow else None
        if manifest and execution:
            listed, evaluation_uri = self._steps(execution)
            steps += [step for step, _ in listed]
            state, reason = training_state(execution, [step for step, _ in listed])
            age = training_age(execution, run_id=run_id, job_seconds=self._place.job_seconds)
            package = next((item["Metadata"]["RegisterModel"]["Arn"] for _, item in listed if _registers(item)), None)
            evaluation = self._documents.at(f"{evaluation_uri}/evaluation.json") if evaluation_uri else None
            # Not before the pipeline ended: its last step says why, too.
            decided = evaluation["gate"] if evaluation and state != "training" else None
            if evaluation and decided and decided["decision"] == "unchanged":
                state, reason = "unchanged", str(decided["reason"])
                version = evaluation["champion"]["model_version"]
            elif decided and decided["decision"] != "register":
                state, reason = "rejected", str(decided["reason"])
            elif package and state == "deploying":
                state, reason, version, age = self._deployment(package, live)
        source = (manifest or refused or {}).get("source") or (workflow or {}).get("WorkflowRunProperties") or claim
        age = age if state not in FINAL else None
        overdue = age is not None and age.is_past()
        if age and overdue:
            reason = f"{reason} {age.words()}".strip()
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
            refused=refused if state == "refused" else None,
            uploaded=moment(source.get("uploaded_at")),
            place=queued.place if queued and state == "queued" else None,
            source=source_of(source),
            since=age.since if age else None,
            overdue=overdue,
        )

    def _ids(self) -> list[str]:
        pages = self._place.client("s3").get_paginator("list_objects_v2")
        listed = pages.paginate(Bucket=self._place.processed_bucket, Prefix=f"{self._model}/run=", Delimiter="/")
        prefixes = [item["Prefix"] for page in listed for item in page.get("CommonPrefixes", [])]
        return [prefix.rstrip("/").rsplit("=", 1)[1] for prefix in prefixes]

    def _queue(self) -> dict[str, Queued]:
        """The files that wait, by their runs."""
        line = WaitingList(self._place.client("s3"), self._place.processed_bucket)
        tickets = list(line.of(self._model))
        return {
            ticket.run_id: Queued(place, len(tickets), moment(ticket.uploaded_at))
            for place, ticket in enumerate(tickets, start=1)
        }

    def _claim(self, run_id: str) -> Mapping[str, Any]:
        """{} for none. It changes until the file is started."""
        key = f"{self._model}/run={run_id}/claim.json"
        return self._documents.now(self._place.processed_bucket, key) or {}

    def _document(self, run_id: str, name: str) -> Mapping[str, Any] | None:
        return self._documents.read(self._place.processed_bucket, f"{self._model}/run={run_id}/{name}.json")

    def _workflow_runs(self, run_id: str = "") -> Iterator[dict[str, Any]]:
        """The newest workflow run, without its graph, of the run; without an id, of every run of the model."""
        newest: dict[str, dict[str, Any]] = {}
        pages = self._place.client("glue").get_paginator("get_workflow_runs")
        for page in pages.paginate(Name=self._place.workflow, PaginationConfig={"PageSize": 1000}):
            for run in page.get("Runs", []):
                own = run.get("WorkflowRunProperties", {})
                name = own.get("run_id")
                # One workflow runs the files of all models.
                if own.get("model") == self._model and name and run_id in ("", name):
                    newest[name] = max(run, newest.get(name, run), key=lambda item: item["StartedOn"])
            if run_id in newest:
                break
        yield from newest.values()

    def _with_graph(self, workflow: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        """The graph holds the job's own state. It is large, so only the runs that are shown have theirs read."""
        if workflow is None:
            return None
        name = workflow["WorkflowRunId"]
        if name in self._ended:
            return self._ended[name]
        found: Mapping[str, Any] = self._place.client("glue").get_workflow_run(
            Name=self._place.workflow, RunId=name, IncludeGraph=True
        )["Run"]
        if found["Status"] not in ("RUNNING", "STOPPING"):
            self._ended[name] = found
        return found

    def _executions(self, run_id: str = "") -> Iterator[dict[str, Any]]:
        """The newest pipeline execution of the run; without an id, of every run of the model."""
        pages = (
            self._place.client("sagemaker")
            .get_paginator("list_pipeline_executions")
            .paginate(
                PipelineName=self._place.resource_name(self._model),
                SortBy="CreationTime",
                SortOrder="Descending",
                PaginationConfig={"PageSize": 100},
            )
        )
        seen: set[str] = set()
        for page in pages:
            for summary in page["PipelineExecutionSummaries"]:
                name = str(summary.get("PipelineExecutionDisplayName", ""))
                if name not in seen and (name == f"run-{run_id}" if run_id else name.startswith("run-")):
                    seen.add(name)
                    yield summary

    def _steps(self, execution: Mapping[str, Any]) -> tuple[Steps, str]:
        """The steps, and the S3 folder of the evaluation: "" before there is one."""
        arn = execution["PipelineExecutionArn"]
        if arn in self._succeeded:
            return self._succeeded[arn]
        listed = list(self._pipeline_steps(arn))
        found = listed, self._evaluation_uri(arn, listed)
        if execution["PipelineExecutionStatus"] == "Succeeded":
            self._succeeded[arn] = found
        return found

    def _pipeline_steps(self, execution_arn: str) -> Iterator[tuple[Step, Mapping[str, Any]]]:
        sagemaker = self._place.client("sagemaker")
        listed = sagemaker.list_pipeline_execution_steps(
            PipelineExecutionArn=execution_arn, SortOrder="Ascending", MaxResults=100
        )["PipelineExecutionSteps"]
        for step in listed:
            metadata = step.get("Metadata", {})
            group, stream = log_place(metadata)
            yield (
                Step(
                    name=step["StepName"],
                    status="Cached" if "CacheHitResult" in step else step["StepStatus"],
                    seconds=seconds_between(step.get("StartTime"), step.get("EndTime")),
                    reason=step.get("FailureReason", "") or metadata.get("Fail", {}).get("ErrorMessage", ""),
                    log_group=group,
                    log_stream=stream,
                ),
                step,
            )

    def _evaluation_uri(self, execution_arn: str, steps: Steps) -> str:
        """Of this execution; of an earlier one, where its evaluation came from the cache."""
        for step, listed in steps:
            if step.name == "Evaluate" and step.status in ("Succeeded", "Cached"):
                source = listed.get("CacheHitResult", {}).get("SourcePipelineExecutionArn", execution_arn)
                return self._place.evaluation_uri(self._model, source)
        return ""

    def _deployment(self, package_arn: str, live: Callable[[], str]) -> tuple[str, str, int, Age | None]:
        """State, reason, version and age of a registered model package."""
        package = resources.found(self._place.client("sagemaker").describe_model_package, ModelPackageName=package_arn)
        if package is None:
            return "superseded", "The version was removed from the registry.", version_of(package_arn), None
        state, reason = deployment_state(package, live, self._model)
        return state, reason, version_of(package_arn), deployment_age(package, self._model)


def _registers(listed: Mapping[str, Any]) -> bool:
    return "RegisterModel" in listed.get("Metadata", {})
