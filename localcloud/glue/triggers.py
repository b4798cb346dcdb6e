"""Triggers of a workflow: which start it, and when a conditional one is met."""

import copy
from collections.abc import Mapping
from typing import Any

from localcloud.ministack import glue

STARTERS = frozenset({"ON_DEMAND", "EVENT", "SCHEDULED"})

Trigger = dict[str, Any]


def of_workflow(name: str) -> list[Trigger]:
    """Copies, so that a run keeps the graph it started with."""
    return [copy.deepcopy(trigger) for trigger in glue.triggers().values() if trigger.get("WorkflowName") == name]


def starts(trigger: Trigger) -> bool:
    return trigger["Type"] in STARTERS


def is_met(trigger: Trigger, ended: Mapping[str, str]) -> bool:
    """Whether a conditional trigger fires, given the final state of each job that ran in this workflow run.

    As on Glue, one that was never activated (StartOnCreation, StartTrigger) does not fire.
    """
    if trigger["Type"] != "CONDITIONAL" or trigger.get("State") != "ACTIVATED":
        return False
    predicate = trigger.get("Predicate") or {}
    met = [ended.get(one.get("JobName")) == one.get("State") for one in predicate.get("Conditions") or []]
    return any(met) if predicate.get("Logical") == "ANY" else bool(met) and all(met)


def actions(trigger: Trigger) -> list[dict[str, Any]]:
    return [action for action in trigger.get("Actions") or [] if action.get("JobName")]
