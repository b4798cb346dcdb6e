"""CloudFormation: AWS::Glue::Workflow, and the properties of jobs and triggers that MiniStack's provisioners drop."""

import json
from collections.abc import Callable
from typing import Any

from localcloud.ministack import cloudformation, glue
from localcloud.ministack.cloudformation import Created, Properties

# Property -> the value that an update sets when the template no longer has it.
JOB_DEFAULTS: dict[str, Any] = {
    "AllocatedCapacity": None,
    "ExecutionClass": "STANDARD",
    "ExecutionProperty": {"MaxConcurrentRuns": 1},
    "JobMode": "SCRIPT",
    "JobRunQueuingEnabled": False,
    "LogUri": "",
    "MaintenanceWindow": "",
    "NotificationProperty": {},
}
TRIGGER_DEFAULTS: dict[str, Any] = {"EventBatchingCondition": {}}


def _call(operation: Callable[[dict[str, Any]], glue.Answer], request: dict[str, Any]) -> None:
    status, _, body = operation(request)
    if status >= 400:
        answer = json.loads(body)
        raise ValueError(f"AWS::Glue::Workflow: {answer.get('__type')}: {answer.get('message')}")


def _request(name: str, properties: Properties) -> dict[str, Any]:
    return {
        "Name": name,
        "Description": properties.get("Description", ""),
        "DefaultRunProperties": properties.get("DefaultRunProperties") or {},
        "MaxConcurrentRuns": int(properties.get("MaxConcurrentRuns") or 0),
        "Tags": cloudformation.tag_map(properties.get("Tags")),
    }


def create_workflow(logical_id: str, properties: Properties, stack: str) -> Created:
    name = properties.get("Name") or cloudformation.physical_name(stack, logical_id, longest=255)
    _call(glue.create_workflow, _request(name, properties))
    return name, {}


def update_workflow(physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str) -> Created:
    """In place; another Name is another workflow, which CloudFormation creates before it deletes the first."""
    if new.get("Name") != old.get("Name"):
        created = create_workflow(logical_id, new, stack)
        delete_workflow(physical_id, old)
        return created
    _call(glue.update_workflow, _request(physical_id, new))
    return physical_id, {}


def delete_workflow(physical_id: str, properties: Properties) -> None:
    if physical_id in glue.workflows():
        _call(glue.delete_workflow, {"Name": physical_id})


def install() -> None:
    cloudformation.reset_on_update(JOB_DEFAULTS, TRIGGER_DEFAULTS)
    cloudformation.register_type(
        "AWS::Glue::Workflow",
        create=create_workflow,
        update=update_workflow,
        update_with_logical_id=True,
        delete=delete_workflow,
    )
