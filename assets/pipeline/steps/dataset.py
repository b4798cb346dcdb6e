"""Rows as parquet: what the ETL job wrote, checked, and what the later steps read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from contract import Recipe
from steps.context import Context
from steps.failures import StepError

ROW_ID = "row_id"
DATA_FILE = "data.parquet"


@dataclass(frozen=True)
class Rows:
    """`inputs` has one column a recipe column."""

    inputs: NDArray[np.float64]
    target: NDArray[np.float64]


def read_split(folder: Path, split: str, context: Context) -> pa.Table:
    """All parts of a split of the ETL job's output, in a stable order. Raises StepError for what is not as promised."""
    names = set(context.files[split])
    found = {path.name for path in (folder / split).glob("*.parquet")}
    if names != found:
        wrong = ", ".join(sorted(names ^ found))
        raise StepError(f"{split}: manifest.json and the folder differ in {wrong}; run the ETL job again")
    tables = [_read(folder / split / name) for name in sorted(names)]
    for name, table in zip(sorted(names), tables, strict=True):
        _check_schema(table, context.recipe, f"{split}/{name}")
        _check_values(table, f"{split}/{name}")
    rows = sum(table.num_rows for table in tables)
    if rows != context.rows[split] or not rows:
        raise StepError(
            f"{split}: manifest.json promises {context.rows[split]} rows, the files hold {rows}; run the ETL job again"
        )
    target = context.recipe.contract.target.name
    return pa.concat_tables(tables).sort_by([(ROW_ID, "ascending"), (target, "ascending")])


def check_disjoint(splits: dict[str, pa.Table]) -> None:
    """A row on two sides would make the test rows known to the model."""
    side: dict[str, str] = {}
    for split, table in splits.items():
        for row_id in pc.unique(table[ROW_ID]).to_pylist():
            if row_id in side:
                raise StepError(f"row {row_id} is in both {side[row_id]} and {split}; run the ETL job again")
            side[row_id] = split


def write_rows(table: pa.Table, folder: Path, recipe: Recipe, *, keep_row_id: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    names = [recipe.contract.target.name, *(column.name for column in recipe.columns)]
    pq.write_table(table.select([ROW_ID, *names] if keep_row_id else names), folder / DATA_FILE)


def read_rows(folder: Path, recipe: Recipe) -> Rows:
    """What `write_rows` wrote."""
    table = _read(folder / DATA_FILE)
    names = [column.name for column in recipe.columns]
    missing = [name for name in (recipe.contract.target.name, *names) if name not in table.column_names]
    if missing:
        raise StepError(f"{folder.name}/{DATA_FILE} lacks {', '.join(missing)}; run the pipeline from its first step")
    inputs = np.column_stack([table[name].to_numpy() for name in names])
    return Rows(inputs=np.ascontiguousarray(inputs), target=table[recipe.contract.target.name].to_numpy())


def _read(path: Path) -> pa.Table:
    try:
        return pq.read_table(path, partitioning=None)
    except FileNotFoundError as error:
        raise StepError(f"{path.parent.name}/{path.name} is missing; the step before did not finish") from error
    except pa.ArrowInvalid as error:
        raise StepError(
            f"{path.parent.name}/{path.name} is not a Parquet file: {error}; run the ETL job again"
        ) from error


def _check_schema(table: pa.Table, recipe: Recipe, name: str) -> None:
    wanted = {ROW_ID, recipe.contract.target.name, *(column.name for column in recipe.columns)}
    found = set(table.column_names)
    if found != wanted:
        lacks, has = ", ".join(sorted(wanted - found)) or "nothing", ", ".join(sorted(found - wanted)) or "nothing"
        raise StepError(f"{name}: the columns are not those of recipe.json; missing: {lacks}; unknown: {has}")
    for column in sorted(wanted - {ROW_ID}):
        kind = table.schema.field(column).type
        if kind != pa.float64():
            raise StepError(f"{name}: column {column} must hold doubles, holds {kind}; run the ETL job again")


def _check_values(table: pa.Table, name: str) -> None:
    for column in table.column_names:
        values = table[column]
        bad = values.null_count if column == ROW_ID else int(np.count_nonzero(~np.isfinite(values.to_numpy())))
        if bad:
            raise StepError(
                f"{name}: column {column} holds {bad} values that are missing or not finite; run the ETL job again"
            )
