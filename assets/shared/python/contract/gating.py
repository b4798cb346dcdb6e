"""Reads [gate] and [serving] of a model.toml: what a new version must reach, and how it is served."""

from __future__ import annotations

from typing import Literal, cast

from contract.model import Gate
from contract.reader import Table
from contract.serving import Serving
from contract.tasks import TASKS, limits_of
from contract.wording import shown

GATE_KEYS = ("metric", "max", "min", "margin", "slice_margin", "slice_min_rows")
SERVING_KEYS = (
    *("mode", "memory_mb", "max_concurrency", "instance_type", "instance_count", "min_instances", "max_instances"),
    *("invocations_per_instance", "threshold", "hosting", "canary_percent", "canary_minutes"),
)


def gate_of(table: Table, task: str) -> Gate:
    """`task` is "" when it is wrong: what depends on it is not checked then."""
    limits = limits_of(task)
    metric = table.choice("metric", tuple(limits))
    limit = limits.get(metric)
    if limit:
        _check_limit(table, metric, limit)
    return Gate(
        metric=metric,
        max=table.optional_number("max") if limit == "max" else None,
        min=table.optional_number("min", low=0, high=1) if limit == "min" else None,
        margin=table.optional_number("margin", low=0, high=1) or 0.0,
        slice_margin=_or(table.optional_number("slice_margin", low=0, high=10), 0.1),
        slice_min_rows=table.integer("slice_min_rows", low=2, high=1_000_000_000, default=100),
    )


def _check_limit(table: Table, metric: str, limit: str) -> None:
    other = "min" if limit == "max" else "max"
    if other in table.values:
        better = "smaller" if limit == "max" else "greater"
        table.add(other, f'a {better} {metric} is better; write {limit} = ... for metric = "{metric}"')
    elif table.values.get(limit) is None:
        table.add(limit, "is missing; add it")
    value = table.values.get(limit)
    if isinstance(value, int | float) and value <= 0 and limit == "max":
        table.add(limit, f"must be greater than 0, is {float(value)}")


def serving_of(table: Table, task: str) -> Serving:
    memory = table.integer("memory_mb", low=1024, high=6144, default=2048)
    if memory % 1024:
        table.add("memory_mb", f"must be a multiple of 1024 from 1024 to 6144, is {memory}")
    instance_type = table.text("instance_type", default="ml.m5.large")
    if not instance_type.startswith("ml.") and not table.problems.at("serving.instance_type"):
        table.add("instance_type", f'must be an instance type such as "ml.m5.large", is {shown(instance_type)}')
    mode = table.choice("mode", ("serverless", "realtime"))
    hosting = table.choice("hosting", ("dedicated", "multi-model"), default="dedicated")
    if hosting == "multi-model" and mode == "serverless":
        table.add("hosting", 'multi-model needs instances; write mode = "realtime", or hosting = "dedicated"')
    least, count, most = _instances(table, mode)
    return Serving(
        mode=cast(Literal["serverless", "realtime"], mode),
        memory_mb=memory,
        max_concurrency=table.integer("max_concurrency", low=1, high=200, default=5),
        instance_type=instance_type,
        instance_count=count,
        min_instances=least,
        max_instances=most,
        invocations_per_instance=_invocations(table),
        threshold=_threshold(table, task),
        hosting=cast(Literal["dedicated", "multi-model"], hosting),
        canary_percent=table.integer("canary_percent", low=1, high=50, default=20),
        canary_minutes=table.integer("canary_minutes", low=1, high=60, default=5),
    )


def _instances(table: Table, mode: str) -> tuple[int | None, int, int | None]:
    """Least, first and greatest number of instances. The bounds come together: they switch autoscaling on."""
    least = table.optional_integer("min_instances", low=1, high=100)
    most = table.optional_integer("max_instances", low=1, high=100)
    count = table.integer("instance_count", low=1, high=100, default=least or 1)
    given = [name for name in ("min_instances", "max_instances") if table.values.get(name) is not None]
    if any(table.problems.at(table.path(name)) for name in (*given, "instance_count")):
        return None, count, None
    if given and mode == "serverless":
        table.add(given[0], 'a serverless endpoint has no instances; write mode = "realtime", or leave it out')
    elif len(given) == 1:
        table.add(given[0], "min_instances and max_instances come together; write both or none")
    elif least and most and least > most:
        table.add("max_instances", f"must be at least min_instances ({least}), is {most}")
    elif least and most and not least <= count <= most:
        table.add("instance_count", f"must lie within min_instances ({least}) and max_instances ({most}), is {count}")
    return least, count, most


def _invocations(table: Table) -> int | None:
    value = table.optional_integer("invocations_per_instance", low=1, high=10_000_000)
    if value is not None and table.values.get("max_instances") is None:
        table.add(
            "invocations_per_instance", "scales between min_instances and max_instances; write them, or leave it out"
        )
    return value


def _threshold(table: Table, task: str) -> float | None:
    known = TASKS.get(task)
    return known.read_threshold(table) if known else table.optional_number("threshold", low=0.001, high=0.999)


def _or(value: float | None, default: float) -> float:
    return default if value is None else value
