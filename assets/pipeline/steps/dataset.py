"""Rows as parquet, as the steps hand them on: model inputs with the target, and the raw test rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from contract import Contract, Recipe
from contract.kinds import kind_of
from steps import sparse
from steps.failures import StepError

ROW_ID = "row_id"
# Of the raw rows, where the contract declares one: the text whose hash may say the side.
KEY, GROUP = "__key", "__group"
DATA_FILE, RAW_FILE = "data.parquet", "raw.parquet"
# From here on a sparse matrix is worth its detour: with few levels a dense one is as small, and faster.
MANY_LEVELS = 64
# Model inputs that are held at once as an array: 64 MB.
PIECE = 1 << 23
_NONE = -1


@dataclass(frozen=True)
class Rows:
    """`inputs` has one column a recipe column. With many levels it is a CSR matrix, else an array."""

    inputs: Any
    target: NDArray[np.float64]

    def dense(self, rows: slice) -> NDArray[np.float64]:
        """The inputs of some rows, as an array."""
        found = self.inputs[rows]
        dense: NDArray[np.float64] = found if isinstance(found, np.ndarray) else found.toarray()
        return dense

    def having(self, column: int) -> NDArray[np.bool_]:
        """Which rows have a 1 in a column of 0 and 1."""
        if isinstance(self.inputs, np.ndarray):
            marked: NDArray[np.bool_] = self.inputs[:, column] == 1.0
            return marked
        found = np.zeros(len(self.target), dtype=bool)
        found[self._by_column.indices[slice(*self._by_column.indptr[column : column + 2])]] = True
        return found

    @cached_property
    def _by_column(self) -> Any:
        return self.inputs.tocsc()


@dataclass(frozen=True)
class RawRows:
    """Values as a data file has them: doubles with NaN, or texts with None, an array or a list a feature.

    `row_ids` differ between copies of one row. `texts`: of KEY and GROUP, those that the data set holds.
    """

    features: Mapping[str, Any]
    row_ids: Sequence[str] = ()
    texts: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return len(next(iter(self.features.values())))

    def records(self, chosen: Sequence[int]) -> list[dict[str, Any]]:
        return [{name: _plain(values[row]) for name, values in self.features.items()} for row in chosen]

    def chosen(self, rows: NDArray[np.bool_]) -> RawRows:
        """The features of some rows."""
        places = np.flatnonzero(rows).tolist()
        return RawRows(
            {
                name: values[rows] if isinstance(values, np.ndarray) else [values[place] for place in places]
                for name, values in self.features.items()
            }
        )

    def inputs(self, recipe: Recipe, rows: slice) -> NDArray[np.float64]:
        """What serving would compute of some rows."""
        return recipe.apply_columns({name: values[rows] for name, values in self.features.items()})

    def column(self, name: str) -> list[Any]:
        """The values of a feature, None for a missing one."""
        values = self.features[name]
        if not isinstance(values, np.ndarray):
            return list(values)
        return [None if absent else value for value, absent in zip(values.tolist(), np.isnan(values), strict=True)]

    def distinct(self) -> list[int]:
        """The first of each group of rows with equal features."""
        first: dict[tuple[Any, ...], int] = {}
        for row, values in enumerate(zip(*map(self.column, self.features), strict=True)):
            first.setdefault(values, row)
        return list(first.values())


def write_rows(table: pa.Table, folder: Path, recipe: Recipe, *, keep_row_id: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    names = list(types_of(recipe))
    pq.write_table(table.select([ROW_ID, *names] if keep_row_id else names), folder / DATA_FILE)


def read_rows(folder: Path, recipe: Recipe) -> Rows:
    """What `write_rows` wrote, each level as a column of 0 and 1."""
    table = _written(folder, recipe)
    inputs = np.zeros((table.num_rows, len(recipe.columns)))
    inputs[:, _number_places(recipe)] = _numbers(table, recipe)
    for rows, columns in _ones_of_categories(table, recipe):
        inputs[rows, columns] = 1.0
    return Rows(inputs=inputs, target=table[recipe.contract.target.name].to_numpy())


def read_compact(folder: Path, recipe: Recipe) -> Rows:
    """The same, as a sparse matrix where there are many levels: nearly all of it is zeros then."""
    if len(level_places(recipe)) < MANY_LEVELS:
        return read_rows(folder, recipe)
    table = _written(folder, recipe)
    rows, columns = (np.concatenate(parts) for parts in zip(*_ones_of_categories(table, recipe), strict=True))
    numbers = _numbers(table, recipe)
    inputs = sparse.matrix_of(numbers, _number_places(recipe), (rows, columns), len(recipe.columns))
    return Rows(inputs=inputs, target=table[recipe.contract.target.name].to_numpy())


def pieces(rows: int, recipe: Recipe) -> Iterator[slice]:
    """Of so many rows as take a moderate amount of memory each, as arrays."""
    step = max(1, PIECE // len(recipe.columns))
    return (slice(start, start + step) for start in range(0, rows, step))


def level_places(recipe: Recipe) -> list[int]:
    """The columns of 0 and 1."""
    return [place for place, column in enumerate(recipe.columns) if column.kind == "level"]


def _written(folder: Path, recipe: Recipe) -> pa.Table:
    table = read_table(folder / DATA_FILE)
    missing = [name for name in types_of(recipe) if name not in table.column_names]
    if missing:
        raise StepError(f"{folder.name}/{DATA_FILE} lacks {', '.join(missing)}; run the pipeline from its first step")
    return table


def _number_places(recipe: Recipe) -> NDArray[np.int64]:
    return np.array([place for place, column in enumerate(recipe.columns) if column.kind != "level"], dtype=np.int64)


def _numbers(table: pa.Table, recipe: Recipe) -> NDArray[np.float64]:
    columns = [table[recipe.columns[place].source].to_numpy() for place in _number_places(recipe)]
    return np.column_stack(columns) if columns else np.zeros((table.num_rows, 0))


def _ones_of_categories(table: pa.Table, recipe: Recipe) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    for feature in recipe.contract.categorical:
        places = {column.level: i for i, column in enumerate(recipe.columns) if column.source == feature.name}
        yield _ones(table[feature.name], places)


def _ones(levels: pa.ChunkedArray, places: Mapping[str | None, int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of a level that has a column, and that column for each."""
    encoded = pc.dictionary_encode(levels.combine_chunks())
    column = np.array([*(places.get(level, _NONE) for level in encoded.dictionary.to_pylist()), _NONE], dtype=np.int64)
    # A missing value is the last one of these.
    columns = column[encoded.indices.fill_null(-1).to_numpy()]
    rows = np.flatnonzero(columns != _NONE)
    return rows, columns[rows]


def types_of(recipe: Recipe) -> dict[str, pa.DataType]:
    """Of the target and the model inputs, where what is held as a level is its text."""
    names = [recipe.contract.target.name, *(column.name for column in recipe.columns if column.kind != "level")]
    types = dict.fromkeys(names, pa.float64())
    return types | {feature.name: pa.string() for feature in recipe.contract.categorical}


def joined(first: Rows, second: Rows) -> Rows:
    target = np.concatenate([first.target, second.target])
    if isinstance(first.inputs, np.ndarray):
        return Rows(np.concatenate([first.inputs, second.inputs]), target)
    from scipy.sparse import vstack

    return Rows(vstack([first.inputs, second.inputs], format="csr"), target)


def inside_fences(rows: Rows, recipe: Recipe) -> Rows:
    """Without the rows that the ETL job would have dropped as outliers, had they been train rows."""
    kept = np.ones(len(rows.target), dtype=bool)
    places = {column.source: place for place, column in enumerate(recipe.columns) if column.kind != "level"}
    for name, fence in recipe.fences.items():
        low, high = ((limit - recipe.mean[name]) / (recipe.std[name] or 1.0) for limit in fence)
        values = rows.inputs[:, [places[name]]]
        values = np.ravel(values if isinstance(values, np.ndarray) else values.toarray())
        kept &= (values >= low) & (values <= high)
    return Rows(rows.inputs[kept], rows.target[kept])


def write_raw(table: pa.Table, folder: Path) -> None:
    pq.write_table(table, folder / RAW_FILE)


def read_raw(folder: Path, contract: Contract) -> RawRows:
    """What `write_raw` wrote."""
    table = read_table(folder / RAW_FILE)
    return RawRows(
        features={
            feature.name: table[feature.name].to_numpy()
            if kind_of(feature.type).held == "number"
            else table[feature.name].to_pylist()
            for feature in contract.features
        },
        row_ids=table[ROW_ID].to_pylist(),
        texts={name: table[name].to_pylist() for name in (KEY, GROUP) if name in table.column_names},
    )


def _plain(value: Any) -> Any:
    """As JSON has it: NaN becomes null."""
    if value is None or isinstance(value, str):
        return value
    return None if np.isnan(value) else float(value)


def read_table(path: Path) -> pa.Table:
    try:
        return pq.read_table(path, partitioning=None)
    except FileNotFoundError as error:
        raise StepError(f"{path.parent.name}/{path.name} is missing; the step before did not finish") from error
    except pa.ArrowInvalid as error:
        raise StepError(
            f"{path.parent.name}/{path.name} is not a Parquet file: {error}; run the ETL job again"
        ) from error
