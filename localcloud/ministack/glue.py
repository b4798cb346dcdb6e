"""Glue's catalog, jobs, workflows and triggers. What is found is the record itself: what is changed in it counts."""

from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from ministack.services import glue as _glue

from localcloud.ministack.replacing import wrap

Answer = tuple[int, Any, bytes]
Handler = Callable[[Mapping[str, Any]], Answer]
Record = dict[str, Any]
Make = Callable[[Handler], Handler]


def call(method: str, path: str, headers: Any, body: bytes, query: Any) -> Answer:
    """Every operation of the service, in a thread of one's own: status, headers, body."""
    answer: Answer = _glue._handle_request_sync(method, path, headers, body, query)
    return answer


def databases() -> Mapping[str, Record]:
    found: Mapping[str, Record] = _glue._databases
    return found


def table(database: str, name: str) -> Record:
    """Raises KeyError."""
    found: Record = _glue._tables[f"{database}/{name}"]
    return found


def jobs() -> Mapping[str, Record]:
    found: Mapping[str, Record] = _glue._jobs
    return found


def triggers() -> Mapping[str, Record]:
    found: Mapping[str, Record] = _glue._triggers
    return found


def workflows() -> Mapping[str, Record]:
    found: Mapping[str, Record] = _glue._workflows
    return found


def job_runs(name: str) -> list[Any]:
    """The runs of a job, oldest first; the stored list itself."""
    runs: list[Any] = _glue._job_runs.setdefault(name, [])
    return runs


def workflow_runs(name: str) -> list[Any]:
    """The runs of a workflow, oldest first; the stored list itself."""
    runs: list[Any] = _glue._workflow_runs.setdefault(name, [])
    return runs


def security_configurations() -> MutableMapping[str, Record]:
    found: MutableMapping[str, Record] = _glue._security_configs
    return found


def create_security_configuration(request: Mapping[str, Any]) -> Answer:
    answer: Answer = _glue._create_security_configuration(request)
    return answer


def create_workflow(request: Mapping[str, Any]) -> Answer:
    answer: Answer = _glue._create_workflow(request)
    return answer


def update_workflow(request: Mapping[str, Any]) -> Answer:
    answer: Answer = _glue._update_workflow(request)
    return answer


def delete_workflow(request: Mapping[str, Any]) -> Answer:
    answer: Answer = _glue._delete_workflow(request)
    return answer


def wrap_operations(makes: Mapping[str, Make]) -> None:
    """Around the operations that create or update a job, trigger, table or database: request -> answer.

    `makes` has a member for each: CreateJob, UpdateJob, CreateTrigger, and so on.
    """
    wrap(_glue, "_create_job", makes["CreateJob"])
    wrap(_glue, "_update_job", makes["UpdateJob"])
    wrap(_glue, "_create_trigger", makes["CreateTrigger"])
    wrap(_glue, "_update_trigger", makes["UpdateTrigger"])
    wrap(_glue, "_create_table", makes["CreateTable"])
    wrap(_glue, "_update_table", makes["UpdateTable"])
    wrap(_glue, "_create_database", makes["CreateDatabase"])
    wrap(_glue, "_update_database", makes["UpdateDatabase"])
