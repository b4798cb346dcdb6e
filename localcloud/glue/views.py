"""Workflows and their runs in the members that the API answers with: Statistics, Graph, LastRun."""

from typing import Any

from localcloud.glue import records, triggers, workflows
from localcloud.glue.records import JobRun, WorkflowRun
from localcloud.glue.triggers import Trigger


def workflow(name: str, *, graph: bool) -> dict[str, Any]:
    found = records.workflow(name)
    runs = records.workflow_runs(name)
    if runs:
        found["LastRun"] = workflow_run(runs[-1], graph=graph)
    if graph:
        found["Graph"] = _graph(triggers.of_workflow(name), {})
    return found


def workflow_run(run: WorkflowRun, *, graph: bool) -> dict[str, Any]:
    made = workflows.progress(run)
    found: dict[str, Any] = {**run, "Statistics": made.statistics()}
    if graph:
        names = {action["JobName"] for trigger in made.triggers for action in triggers.actions(trigger)}
        found["Graph"] = _graph(made.triggers, {name: made.job_runs(name) for name in names})
    return found


def _graph(found: list[Trigger], runs: dict[str, list[JobRun]]) -> dict[str, Any]:
    nodes: dict[str, dict[str, Any]] = {}
    edges: list[dict[str, str]] = []
    for trigger in found:
        own = _node(nodes, "TRIGGER", trigger["Name"], {"TriggerDetails": {"Trigger": trigger}})
        for action in triggers.actions(trigger):
            name = action["JobName"]
            edges.append({"SourceId": own, "DestinationId": _job_node(nodes, name, runs)})
        for condition in (trigger.get("Predicate") or {}).get("Conditions") or []:
            edges.append({"SourceId": _job_node(nodes, condition["JobName"], runs), "DestinationId": own})
    return {"Nodes": list(nodes.values()), "Edges": edges}


def _job_node(nodes: dict[str, dict[str, Any]], name: str, runs: dict[str, list[JobRun]]) -> str:
    return _node(nodes, "JOB", name, {"JobDetails": {"JobRuns": runs.get(name, [])}})


def _node(nodes: dict[str, dict[str, Any]], kind: str, name: str, details: dict[str, Any]) -> str:
    unique = f"{kind.lower()}:{name}"
    nodes.setdefault(unique, {"Type": kind, "Name": name, "UniqueId": unique, **details})
    return unique
