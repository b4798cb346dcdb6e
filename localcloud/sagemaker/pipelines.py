"""Pipelines: the operations."""

from typing import Any

from localcloud.sagemaker import definition, shapes, tags
from localcloud.sagemaker.faults import conflict, invalid, missing, unsupported
from localcloud.sagemaker.listing import Listing
from localcloud.sagemaker.naming import arn, name_of, now
from localcloud.sagemaker.store import STORE

Json = dict[str, Any]
_PIPELINES = Listing("ListPipelines", "PipelineSummaries", "PipelineName")
_UPDATABLE = ("PipelineDisplayName", "PipelineDescription", "RoleArn", "ParallelismConfiguration")


def create(request: Json) -> Json:
    name = request["PipelineName"]
    text = _definition_text(request)
    definition.parse(text)
    with STORE.lock:
        if name in STORE.pipelines:
            known = STORE.pipelines[name]
            if request.get("ClientRequestToken") and request["ClientRequestToken"] == known.get("_token"):
                return {"PipelineArn": known["PipelineArn"]}
            raise invalid(
                "Pipeline names must be unique within an AWS account and region. "
                f"Pipeline with name ({name}) already exists."
            )
        moment = now()
        STORE.pipelines[name] = {
            **{key: request[key] for key in _UPDATABLE if key in request},
            "PipelineName": name,
            "PipelineArn": arn("pipeline", name),
            "PipelineDefinition": text,
            "PipelineStatus": "Active",
            "CreationTime": moment,
            "LastModifiedTime": moment,
            "_token": request.get("ClientRequestToken"),
        }
    tags.put(arn("pipeline", name), request.get("Tags", []))
    return {"PipelineArn": arn("pipeline", name)}


def _definition_text(request: Json) -> str:
    if "PipelineDefinitionS3Location" in request:
        raise unsupported("PipelineDefinitionS3Location (give PipelineDefinition)")
    if "PipelineDefinition" not in request:
        raise invalid("PipelineDefinition is missing")
    return str(request["PipelineDefinition"])


def find(name_or_arn: str) -> Json:
    name = name_of(name_or_arn)
    if name not in STORE.pipelines:
        raise missing(f"Pipeline '{arn('pipeline', name)}' does not exist.")
    return STORE.pipelines[name]


def update(request: Json) -> Json:
    pipeline = find(request["PipelineName"])
    changed = {key: request[key] for key in _UPDATABLE if key in request}
    if "PipelineDefinition" in request or "PipelineDefinitionS3Location" in request:
        changed["PipelineDefinition"] = _definition_text(request)
        definition.parse(changed["PipelineDefinition"])
    pipeline.update(changed, LastModifiedTime=now())
    return {"PipelineArn": pipeline["PipelineArn"]}


def delete(request: Json) -> Json:
    pipeline = find(request["PipelineName"])
    pipeline_arn = pipeline["PipelineArn"]
    with STORE.lock:
        if any(run.pipeline_arn == pipeline_arn and run.ended is None for run in STORE.executions.values()):
            raise conflict(f"Pipeline {pipeline_arn} has running executions: stop them first")
        del STORE.pipelines[pipeline["PipelineName"]]
        STORE.results = [result for result in STORE.results if result.pipeline_arn != pipeline_arn]
    return {"PipelineArn": pipeline_arn}


def describe(request: Json) -> Json:
    return shapes.response("DescribePipeline", dict(find(request["PipelineName"])))


def listed(request: Json) -> Json:
    prefix = request.get("PipelineNamePrefix", "")
    found = [dict(item) for name, item in list(STORE.pipelines.items()) if name.startswith(prefix)]
    return _PIPELINES.page(request, [{**item, "LastExecutionTime": item.get("LastRunTime")} for item in found])


OPERATIONS = {
    "CreatePipeline": create,
    "UpdatePipeline": update,
    "DeletePipeline": delete,
    "DescribePipeline": describe,
    "ListPipelines": listed,
}
