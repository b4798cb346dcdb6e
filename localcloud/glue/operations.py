"""The Glue API: our operations, and MiniStack's for everything else."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.errors import OperationError
from localcloud.glue import jobs, records, triggers, views, workflows
from localcloud.jsonservice import service_model
from localcloud.ministack import glue

Request = dict[str, Any]
Operation = Callable[[Request], Mapping[str, Any]]

TARGET = "AWSGlue"


def start_workflow_run(request: Request) -> dict[str, Any]:
    return {"RunId": workflows.start(request["Name"], request.get("RunProperties") or {})["WorkflowRunId"]}


def stop_workflow_run(request: Request) -> dict[str, Any]:
    workflows.stop(records.workflow_run(request["Name"], request["RunId"]))
    return {}


def get_workflow(request: Request) -> dict[str, Any]:
    return {"Workflow": views.workflow(request["Name"], graph=bool(request.get("IncludeGraph")))}


def batch_get_workflows(request: Request) -> dict[str, Any]:
    graph = bool(request.get("IncludeGraph"))
    found = [name for name in request["Names"] if name in glue.workflows()]
    missing = [name for name in request["Names"] if name not in glue.workflows()]
    return {"Workflows": [views.workflow(name, graph=graph) for name in found], "MissingWorkflows": missing}


def list_workflows(request: Request) -> dict[str, Any]:
    return _page(request, "Workflows", sorted(glue.workflows()))


def get_workflow_run(request: Request) -> dict[str, Any]:
    run = records.workflow_run(request["Name"], request["RunId"])
    return {"Run": views.workflow_run(run, graph=bool(request.get("IncludeGraph")))}


def get_workflow_runs(request: Request) -> dict[str, Any]:
    records.workflow(request["Name"])
    graph = bool(request.get("IncludeGraph"))
    newest_first = reversed(records.workflow_runs(request["Name"]))
    return _page(request, "Runs", [views.workflow_run(run, graph=graph) for run in newest_first])


def get_workflow_run_properties(request: Request) -> dict[str, Any]:
    run = records.workflow_run(request["Name"], request["RunId"])
    return {"RunProperties": run["WorkflowRunProperties"]}


def put_workflow_run_properties(request: Request) -> dict[str, Any]:
    run = records.workflow_run(request["Name"], request["RunId"])
    workflows.put_properties(run, request["RunProperties"])
    return {}


def start_job_run(request: Request) -> dict[str, Any]:
    start = jobs.Start(
        job_name=request["JobName"],
        arguments=request.get("Arguments") or {},
        timeout=request.get("Timeout"),
    )
    return {"JobRunId": jobs.start(start)[0]["Id"]}


def get_job_run(request: Request) -> dict[str, Any]:
    return {"JobRun": records.job_run(request["JobName"], request["RunId"])}


def get_job_runs(request: Request) -> dict[str, Any]:
    records.job(request["JobName"])
    return _page(request, "JobRuns", list(reversed(records.job_runs(request["JobName"]))))


def batch_stop_job_run(request: Request) -> dict[str, Any]:
    stopped, errors = [], []
    for run_id in request["JobRunIds"]:
        names = {"JobName": request["JobName"], "JobRunId": run_id}
        try:
            jobs.stop(records.job_run(request["JobName"], run_id))
        except OperationError as error:
            errors.append({**names, "ErrorDetail": {"ErrorCode": error.code, "ErrorMessage": error.message}})
        else:
            stopped.append(names)
    return {"SuccessfulSubmissions": stopped, "Errors": errors}


def start_trigger(request: Request) -> Mapping[str, Any]:
    """A starting trigger starts its workflow or its jobs; any other one is activated."""
    trigger = glue.triggers().get(request["Name"])
    if trigger is None or trigger["Type"] != "ON_DEMAND":
        return _ministack("StartTrigger")(request)
    if trigger.get("WorkflowName"):
        workflows.start(trigger["WorkflowName"], {})
    else:
        for action in triggers.actions(trigger):
            arguments = action.get("Arguments") or {}
            jobs.start(jobs.Start(job_name=action["JobName"], arguments=arguments, trigger=trigger["Name"]))
    return {"Name": request["Name"]}


def _page(request: Request, member: str, items: list[Any]) -> dict[str, Any]:
    """One page of a listing; the token is the position of the next item."""
    start = int(request.get("NextToken") or 0)
    end = start + int(request.get("MaxResults") or 100)
    more = {"NextToken": str(end)} if end < len(items) else {}
    return {member: items[start:end], **more}


def _ministack(operation: str) -> Operation:
    """MiniStack's own implementation of an operation, in our terms."""

    def call(request: Request) -> Mapping[str, Any]:
        headers = {"x-amz-target": f"{TARGET}.{operation}"}
        status, _, body = glue.call("POST", "/", headers, json.dumps(request).encode(), {})
        answer: dict[str, Any] = json.loads(body or b"{}")
        if status < 400:
            return answer
        code, message = str(answer.get("__type", "InternalServiceException")), str(answer.get("message", ""))
        if code == "InvalidAction":
            raise OperationError("UnknownOperationException", f"{operation} is not implemented by the local glue")
        raise OperationError(code, message, status)

    return call


OWN: dict[str, Operation] = {
    "StartWorkflowRun": start_workflow_run,
    "StopWorkflowRun": stop_workflow_run,
    "GetWorkflow": get_workflow,
    "BatchGetWorkflows": batch_get_workflows,
    "ListWorkflows": list_workflows,
    "GetWorkflowRun": get_workflow_run,
    "GetWorkflowRuns": get_workflow_runs,
    "GetWorkflowRunProperties": get_workflow_run_properties,
    "PutWorkflowRunProperties": put_workflow_run_properties,
    "StartJobRun": start_job_run,
    "GetJobRun": get_job_run,
    "GetJobRuns": get_job_runs,
    "BatchStopJobRun": batch_stop_job_run,
    "StartTrigger": start_trigger,
}


def operations() -> dict[str, Operation]:
    """Every operation of the service: ours, else MiniStack's."""
    return {name: OWN.get(name) or _ministack(name) for name in service_model("glue").operation_names}
