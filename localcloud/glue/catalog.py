"""What MiniStack forgets of a request: members that it does not store are kept, and read back, all the same."""

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from localcloud.ministack import glue, scope

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
Record = MutableMapping[str, Any]
Handler = glue.Handler


@dataclass(frozen=True)
class Kept:
    """Which members an operation drops, where its request holds them, and the record they belong to."""

    members: tuple[str, ...]
    source: Callable[[Request], Request]
    record: Callable[[Request], Record]


def _table(request: Request) -> Record:
    return glue.table(request["DatabaseName"], request["TableInput"]["Name"])


def _of(store: Callable[[], Mapping[str, Record]], name: Callable[[Request], str]) -> Callable[[Request], Record]:
    return lambda request: store()[name(request)]


KEPT: dict[str, Kept] = {
    "CreateJob": Kept(JOB, lambda request: request, _of(glue.jobs, lambda request: request["Name"])),
    "UpdateJob": Kept(JOB, lambda request: request["JobUpdate"], _of(glue.jobs, lambda request: request["JobName"])),
    "CreateTrigger": Kept(TRIGGER, lambda request: request, _of(glue.triggers, lambda request: request["Name"])),
    "UpdateTrigger": Kept(
        TRIGGER, lambda request: request["TriggerUpdate"], _of(glue.triggers, lambda request: request["Name"])
    ),
    "CreateTable": Kept(TABLE, lambda request: request["TableInput"], _table),
    "UpdateTable": Kept(TABLE, lambda request: request["TableInput"], _table),
    "CreateDatabase": Kept(
        DATABASE,
        lambda request: request["DatabaseInput"],
        _of(glue.databases, lambda request: request["DatabaseInput"]["Name"]),
    ),
    "UpdateDatabase": Kept(
        DATABASE, lambda request: request["DatabaseInput"], _of(glue.databases, lambda request: request["Name"])
    ),
}


def _keeping(kept: Kept, handler: Handler) -> Handler:
    def handle(request: Request) -> glue.Answer:
        response = handler(request)
        if response[0] < 400:
            source = kept.source(request)
            kept.record(request).update({name: source[name] for name in kept.members if name in source})
        return response

    return handle


def _requiring_parts(handler: Handler) -> Handler:
    """A trigger names a workflow and jobs that exist; the missing dependency shows at the first deploy, as on AWS."""

    def handle(request: Request) -> glue.Answer:
        parts = [(glue.workflows(), "workflow", request.get("WorkflowName"))]
        parts += [(glue.jobs(), "job", action.get("JobName")) for action in request.get("Actions") or []]
        for store, kind, name in parts:
            if name and name not in store:
                error = {"__type": "EntityNotFoundException", "message": f"Entity not found: {kind} {name}"}
                return scope.json_answer(error, 400)
        return handler(request)

    return handle


def install() -> None:
    makes: dict[str, glue.Make] = {name: partial(_keeping, kept) for name, kept in KEPT.items()}
    keeping = makes["CreateTrigger"]
    makes["CreateTrigger"] = lambda handler: _requiring_parts(keeping(handler))
    glue.wrap_operations(makes)
