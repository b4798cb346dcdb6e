"""A number is predicted, in the unit of the target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contract.kinds.members import bounds_of, inside
from contract.reader import Table
from contract.serving import Serving
from contract.target import Target
from contract.tasks.task import Sizes, Task

LEAST_TEST_ROWS = 2  # an error has no spread with fewer


class Regression(Task):
    def target(self, table: Table) -> Mapping[str, Any]:
        low, high = bounds_of(table)
        cap = table.optional_number("cap")
        if cap is not None and not inside(cap, low, high):
            table.add("cap", f"must lie within min and max, is {cap}")
        return {"unit": table.text("unit", default=""), "min": low, "max": high, "cap": cap}

    def read_threshold(self, table: Table) -> float | None:
        value = table.optional_number("threshold", low=0.001, high=0.999)
        if value is not None:
            table.add("threshold", f"is for a binary model, this one is a {self.name}; leave it out")
        return value

    def label(self, value: float, target: Target, serving: Serving) -> str | None:
        return None

    def unfit(self, sizes: Sizes, listed: str, target: Target, metric: str) -> str:
        if sum(sizes["test"].values()) >= LEAST_TEST_ROWS:
            return ""
        return f"{listed}; the {metric} of the gate needs at least {LEAST_TEST_ROWS} test rows; upload more rows"

    def example(self, target: Target) -> dict[str, Any]:
        return {"value": 1.5, **({"unit": target.unit} if target.unit else {})}


REGRESSION = Regression(
    name="regression",
    # Not reg:pseudohubererror: with its slope of 1, trees never find targets that spread over tens of units.
    objectives=("reg:squarederror", "reg:absoluteerror"),
    training_metric="rmse",
    limits={"rmse": "max", "mae": "max"},
    explained="value",
    target_keys=("name", "column", "unit", "min", "max", "cap", "description"),
)
