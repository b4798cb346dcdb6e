"""Tasks by their names in a model.toml. Another one is a file here, a line here, and the same in `steps.tasks`."""

from __future__ import annotations

from collections.abc import Mapping

from contract.tasks.binary import BINARY
from contract.tasks.regression import REGRESSION
from contract.tasks.task import Limit, Sizes, Task

__all__ = [
    "ANY_TARGET_KEYS",
    "BINARY",
    "REGRESSION",
    "TASKS",
    "Limit",
    "Sizes",
    "Task",
    "limits_of",
    "objectives_of",
    "task_of",
]

TASKS: Mapping[str, Task] = {task.name: task for task in (REGRESSION, BINARY)}
ANY_TARGET_KEYS = tuple(dict.fromkeys(key for task in TASKS.values() for key in task.target_keys))


def task_of(name: str) -> Task:
    return TASKS[name]


def limits_of(name: str) -> dict[str, Limit]:
    """By metric; those of every task where the name is none."""
    return {metric: limit for task in _of(name) for metric, limit in task.limits.items()}


def objectives_of(name: str) -> tuple[str, ...]:
    """Those of every task where the name is none."""
    return tuple(objective for task in _of(name) for objective in task.objectives)


def _of(name: str) -> tuple[Task, ...]:
    return (TASKS[name],) if name in TASKS else tuple(TASKS.values())
