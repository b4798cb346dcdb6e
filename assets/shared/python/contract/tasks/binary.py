"""One of two levels is predicted, by the probability of the positive one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contract.reader import Table
from contract.serving import Serving
from contract.target import Target
from contract.tasks.task import Sizes, Task


class Binary(Task):
    """The negative level comes first in the target's levels."""

    def target(self, table: Table) -> Mapping[str, Any]:
        levels = table.texts("levels")
        if len(levels) != 2 and not table.problems.at("target.levels") and not table.broken:
            hint = 'write levels = ["negative", "positive"], in the words of the data file'
            table.add("levels", f"must hold the two values of the target, holds {len(levels)}; {hint}")
        return {"levels": levels}

    def read_threshold(self, table: Table) -> float | None:
        value = table.optional_number("threshold", low=0.001, high=0.999)
        return 0.5 if value is None else value

    def told(self, serving: Serving) -> dict[str, Any]:
        return {"threshold": serving.threshold}

    def label(self, value: float, target: Target, serving: Serving) -> str | None:
        assert serving.threshold is not None, "a binary contract has one"
        return target.levels[value >= serving.threshold]

    def unfit(self, sizes: Sizes, listed: str, target: Target, metric: str) -> str:
        name = target.field.called
        missing = [(side, level) for side in ("train", "test") for level in target.levels if not sizes[side][level]]
        for side, level in missing[:1]:
            return (
                f"no {side} row has {name} {level!r}, and the {metric} of the gate needs both levels there "
                f"({listed}); upload more rows with {level!r}"
            )
        return ""

    def example(self, target: Target) -> dict[str, Any]:
        return {"value": 0.83, "label": target.levels[-1]}


BINARY = Binary(
    name="binary",
    objectives=("binary:logistic",),
    training_metric="logloss",
    limits={"auc": "min", "logloss": "max"},
    explained="log-odds",
    target_keys=("name", "column", "levels", "description"),
)
