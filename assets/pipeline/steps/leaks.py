"""A row on two sides of the split would make the test rows known to the model: looked for before it is trained."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from contract import Contract
from contract.sides import side_of, text_digest, unit_of
from steps.context import Context
from steps.dataset import GROUP, KEY, ROW_ID
from steps.failures import StepError


def check_sides(splits: dict[str, pa.Table], raw: pa.Table, context: Context) -> None:
    """Raises StepError for a row that is on two sides.

    Where rows are split by a key or a group, equal rows of two of them may fall on two sides: that is no fault, and the
    text that says the side is looked at, as far as the data set has it.
    """
    unit = unit_of(context.recipe.contract)
    if unit == "row":
        _check_disjoint(splits)
    elif not context.moved and (column := {"key": KEY, "group": GROUP}[unit]) in raw.column_names:
        _check_texts(raw[column].to_pylist(), unit, context.recipe.contract)


def _check_texts(texts: Sequence[str], unit: str, contract: Contract) -> None:
    for text in set(texts):
        side = side_of(text_digest(contract, text), contract.split)
        if side != "test":
            raise StepError(f"a test row has a {unit} whose rows belong to {side}; run the ETL job again")


def _check_disjoint(splits: dict[str, pa.Table]) -> None:
    side: dict[str, str] = {}
    for split, table in splits.items():
        for row_id in pc.unique(table[ROW_ID]).to_pylist():
            if row_id in side:
                raise StepError(f"row {row_id} is in both {side[row_id]} and {split}; run the ETL job again")
            side[row_id] = split
