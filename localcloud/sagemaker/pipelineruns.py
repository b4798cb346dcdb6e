"""Executions of pipelines: the operations."""

import json
from typing import Any

from localcloud import platform
from localcloud.sagemaker import shapes
from localcloud.sagemaker.executions import Execution
from localcloud.sagemaker.faults import invalid, missing, unsupported
from localcloud.sagemaker.listing import Listing
from localcloud.sagemaker.naming import now, random_id
from localcloud.sagemaker.parameters import declared, values
from localcloud.sagemaker.pipelines import find
from localcloud.sagemaker.runner import Runner
from localcloud.sagemaker.store import STORE

Json = dict[str, Any]
PARALLEL_STEPS = 50
_EXECUTIONS = Listing("ListPipelineExecutions", "PipelineExecutionSummaries", "PipelineExecutionArn")
_STEPS = Listing("ListPipelineExecutionSteps", "PipelineExecutionSteps", "StepName")
_PARAMETERS = Listing("ListPipelineParametersForExecution", "PipelineParameters", "Name", newest_first=False)


def start(request: Json) -> Json:
    """Start an execution; the same ClientRequestToken again gives the execution that it started."""
    if "SelectiveExecutionConfig" in request:
        raise unsupported("SelectiveExecutionConfig")
    with STORE.lock:
        pipeline = find(request["PipelineName"])
        token = request.get("ClientRequestToken")
        for known in STORE.executions.values():
            if token and known.token == token and known.pipeline_arn == pipeline["PipelineArn"]:
                return {"PipelineExecutionArn": known.arn}
        execution = _execution(pipeline, request)
        STORE.executions[execution.arn] = execution
        pipeline["LastRunTime"] = execution.created
    execution.change("Executing")
    platform.spawn(Runner(execution).run)
    return {"PipelineExecutionArn": execution.arn}


def _execution(pipeline: Json, request: Json) -> Execution:
    document = json.loads(pipeline["PipelineDefinition"])
    given = request.get("PipelineParameters", [])
    known, _ = declared(document.get("Parameters", []))
    limits = request.get("ParallelismConfiguration") or pipeline.get("ParallelismConfiguration") or {}
    return Execution(
        arn=f"{pipeline['PipelineArn']}/execution/{random_id(12)}",
        pipeline=dict(pipeline),
        definition=document,
        parameters=values(known, given),
        given=given,
        display_name=request.get("PipelineExecutionDisplayName") or f"execution-{int(now() * 1000)}",
        description=request.get("PipelineExecutionDescription"),
        token=request.get("ClientRequestToken"),
        parallel=limits.get("MaxParallelExecutionSteps", PARALLEL_STEPS),
    )


def find_execution(execution_arn: str) -> Execution:
    execution = STORE.executions.get(execution_arn)
    if execution is None:
        raise missing(f"Pipeline execution with ARN {execution_arn} does not exist.")
    return execution


def describe_execution(request: Json) -> Json:
    execution = find_execution(request["PipelineExecutionArn"])
    return shapes.response("DescribePipelineExecution", execution.description_shown())


def list_executions(request: Json) -> Json:
    pipeline_arn = find(request["PipelineName"])["PipelineArn"]
    found = [item for item in list(STORE.executions.values()) if item.pipeline_arn == pipeline_arn]
    return _EXECUTIONS.page(request, [item.description_shown() for item in found])


def list_steps(request: Json) -> Json:
    execution = find_execution(request["PipelineExecutionArn"])
    return _STEPS.page(request, [step.summary() for step in list(execution.steps.values())])


def list_parameters(request: Json) -> Json:
    return _PARAMETERS.page(request, find_execution(request["PipelineExecutionArn"]).given)


def describe_definition(request: Json) -> Json:
    execution = find_execution(request["PipelineExecutionArn"])
    return {"PipelineDefinition": execution.pipeline["PipelineDefinition"], "CreationTime": execution.created}


def stop(request: Json) -> Json:
    """Running jobs are stopped; no further step starts."""
    execution = find_execution(request["PipelineExecutionArn"])
    with STORE.lock:
        if execution.status != "Executing":
            raise invalid(
                f"Pipeline execution with ARN {execution.arn} status {execution.status}. "
                'Only pipelines with "Executing" status can be stopped.'
            )
        execution.stopping.set()
        execution.change("Stopping")
    running = {
        step["Arn"] for item in list(execution.steps.values()) for step in item.metadata.values() if "Arn" in step
    }
    for job in list(STORE.jobs.values()):
        if job.arn in running:
            platform.spawn(job.stop)
    return {"PipelineExecutionArn": execution.arn}


def retry(request: Json) -> Json:
    """Run again what failed or was stopped; what succeeded is kept."""
    execution = find_execution(request["PipelineExecutionArn"])
    with STORE.lock:
        if execution.status not in ("Failed", "Stopped"):
            raise invalid(f"Pipeline execution with ARN {execution.arn} status {execution.status} cannot be retried.")
        execution.steps = {name: step for name, step in execution.steps.items() if step.status == "Succeeded"}
        execution.stopping.clear()
        execution.ended = None
        execution.change("Executing")
    platform.spawn(Runner(execution).run)
    return {"PipelineExecutionArn": execution.arn}


OPERATIONS = {
    "StartPipelineExecution": start,
    "DescribePipelineExecution": describe_execution,
    "ListPipelineExecutions": list_executions,
    "ListPipelineExecutionSteps": list_steps,
    "ListPipelineParametersForExecution": list_parameters,
    "DescribePipelineDefinitionForExecution": describe_definition,
    "StopPipelineExecution": stop,
    "RetryPipelineExecution": retry,
}
