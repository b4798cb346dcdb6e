"""What the ETL job wrote, read and checked: nothing but what its manifest promises goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from contract import Contract
from steps.context import RAW_TEST, Context
from steps.dataset import GROUP, KEY, ROW_ID, read_table, types_of
from steps.failures import StepError

RAW_FOLDER = "raw/test"


def read_split(folder: Path, split: str, context: Context) -> pa.Table:
    """All parts of a split of the ETL job's output, in a stable order. Raises StepError for what is not as promised."""
    target = context.recipe.contract.target.name
    tables = _read_parts(folder, split, context.files[split], types_of(context.recipe))
    for name, table in tables.items():
        _check_values(table, name)
        _check_levels(table, context.recipe.contract, name)
    rows = sum(table.num_rows for table in tables.values())
    if rows != context.rows[split] or not rows:
        raise StepError(
            f"{split}: manifest.json promises {context.rows[split]} rows, the files hold {rows}; run the ETL job again"
        )
    return pa.concat_tables(tables.values()).sort_by([(ROW_ID, "ascending"), (target, "ascending")])


def read_raw_test(folder: Path, test: pa.Table, context: Context) -> pa.Table:
    """The raw features of the rows of `test`, in the same order, and what else stands beside them. Raises StepError."""
    contract = context.recipe.contract
    wanted = dict.fromkeys((item.name for item in contract.features), pa.string())
    wanted |= dict.fromkeys((item.name for item in contract.numeric), pa.float64())
    optional = {contract.target.name: pa.float64(), KEY: pa.string(), GROUP: pa.string()}
    tables = _read_parts(folder, RAW_FOLDER, context.files[RAW_TEST], wanted, optional=optional)
    raw = pa.concat_tables(tables.values())
    # Rows that share an id have the same features. They may differ in the target, as they may in `test`.
    order = [ROW_ID, *(name for name in optional if name in raw.column_names)]
    raw = raw.select([ROW_ID, *wanted, *order[1:]]).sort_by([(name, "ascending") for name in order])
    both = [name for name in (ROW_ID, contract.target.name) if name in order]
    if any(raw[name].to_pylist() != test[name].to_pylist() for name in both):
        raise StepError(f"{RAW_FOLDER} and test hold other rows; run the ETL job again")
    return raw


def _read_parts(
    folder: Path,
    place: str,
    names: Sequence[str],
    wanted: Mapping[str, pa.DataType],
    *,
    optional: Mapping[str, pa.DataType] | None = None,
) -> dict[str, pa.Table]:
    """By name, sorted. `wanted`: the type of every column but the row id; of `optional` ones some may be there."""
    found = {path.name for path in (folder / place).glob("*.parquet")}
    if set(names) != found:
        wrong = ", ".join(sorted(set(names) ^ found))
        raise StepError(f"{place}: manifest.json and the folder differ in {wrong}; run the ETL job again")
    tables = {f"{place}/{name}": read_table(folder / place / name) for name in sorted(names)}
    for name, table in tables.items():
        more = {column: kind for column, kind in (optional or {}).items() if column in table.column_names}
        _check_schema(table, {**wanted, **more}, name)
    return tables


def _check_schema(table: pa.Table, wanted: Mapping[str, pa.DataType], name: str) -> None:
    expected, found = {ROW_ID, *wanted}, set(table.column_names)
    if found != expected:
        lacks = ", ".join(sorted(expected - found)) or "nothing"
        has = ", ".join(sorted(found - expected)) or "nothing"
        raise StepError(f"{name}: the columns are not those of recipe.json; missing: {lacks}; unknown: {has}")
    for column, kind in sorted(wanted.items()):
        holds = table.schema.field(column).type
        if holds != kind:
            words = "doubles" if kind == pa.float64() else "texts"
            raise StepError(f"{name}: column {column} must hold {words}, holds {holds}; run the ETL job again")


def _check_values(table: pa.Table, name: str) -> None:
    for column in table.schema:
        values = table[column.name]
        if column.name == ROW_ID:
            bad = values.null_count
        elif column.type == pa.float64():
            bad = int(np.count_nonzero(~np.isfinite(values.to_numpy())))
        else:
            continue
        if bad:
            raise StepError(
                f"{name}: column {column.name} holds {bad} values that are missing or not finite; run the ETL job again"
            )


def _check_levels(table: pa.Table, contract: Contract, name: str) -> None:
    """A level that the model has no input for would be read as missing."""
    for feature in contract.categorical:
        unknown = set(pc.unique(table[feature.name]).to_pylist()) - {*feature.levels, None}
        if unknown:
            first = min(unknown)
            raise StepError(f"{name}: column {feature.name} holds the unknown level {first!r}; run the ETL job again")
