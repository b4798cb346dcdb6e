"""The part of the manifest that says what became of every row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from contract import Contract
from contract.reading import Layout
from contract.tasks import Sizes
from etl import checks, splits
from etl.splits import Counted
from etl.tally import Tally


@dataclass(frozen=True)
class Sides:
    """`rows` by side. `moved`: rows that sides took because none had fallen on them."""

    rows: Mapping[str, str]
    counted: Counted
    sizes: Sizes
    moved: Mapping[str, int]

    @property
    def totals(self) -> dict[str, int]:
        return {side: sum(levels.values()) for side, levels in self.sizes.items()}


def books(tally: Tally, layout: Layout, sides: Sides, kept: Mapping[str, int], contract: Contract) -> dict[str, Any]:
    """`kept`: train rows that are no outliers, by level. Rows read are the sum of all others."""
    counted, totals, train = sides.counted, sides.totals, sum(kept.values())
    rows = {
        **_read(tally),
        "outliers": totals["train"] - train,
        **totals,
        "train": train,
    }
    assert rows["read"] == sum(rows.values()) - rows["read"], f"the books do not balance: {rows}"
    usable = sum(totals.values()) + counted.dropped
    unit = splits.unit_of(contract)
    return {
        "rows": rows,
        "equal_rows": counted.equal,
        **_found(tally),
        "split": {"unit": unit, **({"moved": dict(sides.moved)} if sides.moved else {})},
        "warnings": [
            *layout.warnings,
            *tally.warnings(),
            *checks.equal_rows_warning(counted.equal, usable),
            *checks.moved_warnings(sides.moved, unit),
        ],
        "format": layout.to_dict(),
    }


def books_of_refusal(tally: Tally) -> dict[str, Any]:
    """The same of a file that was refused: nothing where it was not read to its end."""
    if not tally.complete:
        return {}
    rows = _read(tally)
    usable = rows["read"] - sum(rows[name] for name in ("rejected", "replaced", "dropped_equal"))
    return {"rows": rows | {"usable": usable}, **_found(tally), "warnings": tally.warnings()}


def _read(tally: Tally) -> dict[str, int]:
    return {
        "read": tally.read,
        "rejected": tally.rejected,
        "replaced": tally.replaced,
        "dropped_equal": tally.dropped,
    }


def _found(tally: Tally) -> dict[str, Any]:
    return {"comments": tally.comments, "reasons": dict(tally.reasons), "examples": dict(tally.examples)}
