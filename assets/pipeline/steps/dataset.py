"""Rows as parquet: what the ETL job wrote, checked, and what the later steps read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from contract import Contract, Recipe
from steps.context import RAW_TEST, Context
from steps.failures import StepError

ROW_ID = "row_id"
DATA_FILE, RAW_FILE = "data.parquet", "raw.parquet"
RAW_FOLDER = "raw/test"


@dataclass(frozen=True)
class Rows:
    """`inputs` has one column a recipe column."""

    inputs: NDArray[np.float64]
    target: NDArray[np.float64]


@dataclass(frozen=True)
class RawRows:
    """Values as a data file has them: doubles with NaN, or texts with None, an array or a list a feature."""

    features: Mapping[str, Any]

    @property
    def rows(self) -> int:
        return len(next(iter(self.features.values())))

    def records(self, chosen: Sequence[int]) -> list[dict[str, Any]]:
        return [{name: _plain(values[row]) for name, values in self.features.items()} for row in chosen]


def read_split(folder: Path, split: str, context: Context) -> pa.Table:
    """All parts of a split of the ETL job's output, in a stable order. Raises StepError for what is not as promised."""
    target = context.recipe.contract.target.name
    tables = _read_parts(folder, split, context.files[split], _types(context.recipe))
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
    """The raw features of the rows of `test`, in the same order. Raises StepError."""
    wanted = {
        feature.name: pa.float64() if feature.type == "number" else pa.string()
        for feature in context.recipe.contract.features
    }
    tables = _read_parts(folder, RAW_FOLDER, context.files[RAW_TEST], wanted)
    # Rows that share an id have the same features.
    raw = pa.concat_tables(tables.values()).sort_by([(ROW_ID, "ascending")]).select([ROW_ID, *wanted])
    if raw[ROW_ID].to_pylist() != test[ROW_ID].to_pylist():
        raise StepError(f"{RAW_FOLDER} and test hold other rows; run the ETL job again")
    return raw


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
    names = list(_types(recipe))
    pq.write_table(table.select([ROW_ID, *names] if keep_row_id else names), folder / DATA_FILE)


def read_rows(folder: Path, recipe: Recipe) -> Rows:
    """What `write_rows` wrote, each level as a column of 0 and 1."""
    table = _read(folder / DATA_FILE)
    missing = [name for name in _types(recipe) if name not in table.column_names]
    if missing:
        raise StepError(f"{folder.name}/{DATA_FILE} lacks {', '.join(missing)}; run the pipeline from its first step")
    inputs = np.zeros((table.num_rows, len(recipe.columns)))
    for index, column in enumerate(recipe.columns):
        if column.kind != "level":
            inputs[:, index] = table[column.source].to_numpy()
    for feature in recipe.contract.categories:
        places = {column.level: i for i, column in enumerate(recipe.columns) if column.source == feature.name}
        rows, columns = _ones(table[feature.name], places)
        inputs[rows, columns] = 1.0
    return Rows(inputs=inputs, target=table[recipe.contract.target.name].to_numpy())


def _ones(levels: pa.ChunkedArray, places: Mapping[str | None, int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows that have a level, and the column of each."""
    encoded = pc.dictionary_encode(levels.combine_chunks())
    column = np.array([places[level] for level in encoded.dictionary.to_pylist()], dtype=np.int64)
    codes = encoded.indices.fill_null(-1).to_numpy()
    rows = np.flatnonzero(codes >= 0)
    return rows, column[codes[rows]]


def _types(recipe: Recipe) -> dict[str, pa.DataType]:
    """Of the target and the model inputs, where a category is the text of its level."""
    names = [recipe.contract.target.name, *(column.name for column in recipe.columns if column.kind != "level")]
    types = dict.fromkeys(names, pa.float64())
    return types | {feature.name: pa.string() for feature in recipe.contract.categories}


def joined(first: Rows, second: Rows) -> Rows:
    return Rows(np.concatenate([first.inputs, second.inputs]), np.concatenate([first.target, second.target]))


def inside_fences(rows: Rows, recipe: Recipe) -> Rows:
    """Without the rows that the ETL job would have dropped as outliers, had they been train rows."""
    kept = np.ones(len(rows.target), dtype=bool)
    places = {column.source: place for place, column in enumerate(recipe.columns) if column.kind != "level"}
    for name, fence in recipe.fences.items():
        low, high = ((limit - recipe.mean[name]) / (recipe.std[name] or 1.0) for limit in fence)
        kept &= (rows.inputs[:, places[name]] >= low) & (rows.inputs[:, places[name]] <= high)
    return Rows(rows.inputs[kept], rows.target[kept])


def write_raw(table: pa.Table, folder: Path) -> None:
    pq.write_table(table, folder / RAW_FILE)


def read_raw(folder: Path, contract: Contract) -> RawRows:
    """What `write_raw` wrote."""
    table = _read(folder / RAW_FILE)
    return RawRows(
        {
            feature.name: table[feature.name].to_numpy()
            if feature.type == "number"
            else table[feature.name].to_pylist()
            for feature in contract.features
        }
    )


def _plain(value: Any) -> Any:
    """As JSON has it: NaN becomes null."""
    if value is None or isinstance(value, str):
        return value
    return None if np.isnan(value) else float(value)


def _read_parts(
    folder: Path, place: str, names: Sequence[str], wanted: Mapping[str, pa.DataType]
) -> dict[str, pa.Table]:
    """By name, sorted. `wanted`: the type of every column but the row id."""
    found = {path.name for path in (folder / place).glob("*.parquet")}
    if set(names) != found:
        wrong = ", ".join(sorted(set(names) ^ found))
        raise StepError(f"{place}: manifest.json and the folder differ in {wrong}; run the ETL job again")
    tables = {f"{place}/{name}": _read(folder / place / name) for name in sorted(names)}
    for name, table in tables.items():
        _check_schema(table, wanted, name)
    return tables


def _read(path: Path) -> pa.Table:
    try:
        return pq.read_table(path, partitioning=None)
    except FileNotFoundError as error:
        raise StepError(f"{path.parent.name}/{path.name} is missing; the step before did not finish") from error
    except pa.ArrowInvalid as error:
        raise StepError(
            f"{path.parent.name}/{path.name} is not a Parquet file: {error}; run the ETL job again"
        ) from error


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
    for field in table.schema:
        values = table[field.name]
        if field.name == ROW_ID:
            bad = values.null_count
        elif field.type == pa.float64():
            bad = int(np.count_nonzero(~np.isfinite(values.to_numpy())))
        else:
            continue
        if bad:
            raise StepError(
                f"{name}: column {field.name} holds {bad} values that are missing or not finite; run the ETL job again"
            )


def _check_levels(table: pa.Table, contract: Contract, name: str) -> None:
    """A level that the model has no input for would be read as missing."""
    for feature in contract.categories:
        unknown = set(pc.unique(table[feature.name]).to_pylist()) - {*feature.levels, None}
        if unknown:
            first = min(unknown)
            raise StepError(f"{name}: column {feature.name} holds the unknown level {first!r}; run the ETL job again")
