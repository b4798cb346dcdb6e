"""What MiniStack forgets of a request: members that it does not store are kept, and read back, all the same."""

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from ministack.core.responses import json_response
from ministack.services import glue

HOOKS = (
    ("ministack.services.glue", "_create_database"),
    ("ministack.services.glue", "_create_job"),
    ("ministack.services.glue", "_create_table"),
    ("ministack.services.glue", "_create_trigger"),
    ("ministack.services.glue", "_databases"),
    ("ministack.services.glue", "_tables"),
    ("ministack.services.glue", "_update_database"),
    ("ministack.services.glue", "_update_job"),
    ("ministack.services.glue", "_update_table"),
    ("ministack.services.glue", "_update_trigger"),
)

JOB = (
    "AllocatedCapacity",
    "ExecutionClass",
    "ExecutionProperty",
    "JobMode",
    "JobRunQueuingEnabled",
    "LogUri",
    "MaintenanceWindow",
    "NotificationProperty",
    "SourceControlDetails",
)
TRIGGER = ("EventBatchingCondition",)
TABLE = ("LastAnalyzedTime", "Retention", "TargetTable")
DATABASE = ("CreateTableDefaultPermissions", "FederatedDatabase", "TargetDatabase")

Request = Mapping[str, Any]
Handler = Callable[[Request], tuple[int, dict[str, str], bytes]]


@dataclass(frozen=True)
class Kept:
    """Which members an operation drops, where its request holds them, and the record they belong to."""

    members: tuple[str, ...]
    source: Callable[[Request], Request]
    record: Callable[[Request], MutableMapping[str, Any]]


def _table(request: Request) -> MutableMapping[str, Any]:
    found: MutableMapping[str, Any] = glue._tables[f"{request['DatabaseName']}/{request['TableInput']['Name']}"]
    return found


def _of(store: str, name: Callable[[Request], str]) -> Callable[[Request], MutableMapping[str, Any]]:
    return lambda request: getattr(glue, store)[name(request)]


KEPT: dict[str, Kept] = {
    "_create_job": Kept(JOB, lambda request: request, _of("_jobs", lambda request: request["Name"])),
    "_update_job": Kept(JOB, lambda request: request["JobUpdate"], _of("_jobs", lambda request: request["JobName"])),
    "_create_trigger": Kept(TRIGGER, lambda request: request, _of("_triggers", lambda request: request["Name"])),
    "_update_trigger": Kept(
        TRIGGER, lambda request: request["TriggerUpdate"], _of("_triggers", lambda request: request["Name"])
    ),
    "_create_table": Kept(TABLE, lambda request: request["TableInput"], _table),
    "_update_table": Kept(TABLE, lambda request: request["TableInput"], _table),
    "_create_database": Kept(
        DATABASE,
        lambda request: request["DatabaseInput"],
        _of("_databases", lambda request: request["DatabaseInput"]["Name"]),
    ),
    "_update_database": Kept(
        DATABASE, lambda request: request["DatabaseInput"], _of("_databases", lambda request: request["Name"])
    ),
}


def _keeping(handler: Handler, kept: Kept) -> Handler:
    def handle(request: Request) -> tuple[int, dict[str, str], bytes]:
        response = handler(request)
        if response[0] < 400:
            source = kept.source(request)
            kept.record(request).update({name: source[name] for name in kept.members if name in source})
        return response

    return handle


def _requiring_parts(handler: Handler) -> Handler:
    """A trigger names a workflow and jobs that exist; the missing dependency shows at the first deploy, as on AWS."""

    def handle(request: Request) -> tuple[int, dict[str, str], bytes]:
        parts = [(glue._workflows, "workflow", request.get("WorkflowName"))]
        parts += [(glue._jobs, "job", action.get("JobName")) for action in request.get("Actions") or []]
        for store, kind, name in parts:
            if name and name not in store:
                error = {"__type": "EntityNotFoundException", "message": f"Entity not found: {kind} {name}"}
                return json_response(error, 400)  # type: ignore[no-any-return]
        return handler(request)

    return handle


def install() -> None:
    for name, kept in KEPT.items():
        setattr(glue, name, _keeping(getattr(glue, name), kept))
    glue._create_trigger = _requiring_parts(glue._create_trigger)
