"""Running statements on Spark and on DuckDB: the only code that knows which of them runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow.parquet import ParquetFile, ParquetWriter

from etl.arrow import Doubles, doubles_of
from etl.rows import ROW_ID
from etl.sql import APART, listed, select
from etl.store import Store

# Of a file that Spark reads in one task.
_FILE_ROWS = 1 << 16
_BATCH_ROWS = 1 << 17
# A session may run the job more than once.
_serial = count()


class Engine(Protocol):
    """Rows are known by the name of a view, or by the statement that selects them."""

    folder: Path
    """On the local disk, until `close`."""

    def table(self, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> str:
        """The rows of all batches. Texts by their place in a dictionary are texts."""

    def materialise(self, statement: str) -> str:
        """Computes rows once that are used several times."""

    def ask(self, statement: str) -> list[Sequence[Any]]:
        """The rows themselves, few of them."""

    def quantiles(self, rows: str, names: Sequence[str], shares: Sequence[float]) -> list[list[float]]:
        """Exact, interpolated quantiles of each column's values that are not null; [] where all are."""

    def below(self, rows: str, edges: Mapping[str, Sequence[float]]) -> list[list[int]]:
        """How many of each column's values are below each of its edges."""

    def write_parquet(self, statement: str, folder: str) -> list[str]:
        """Writes part files below the key prefix `folder`. Returns their keys."""

    def close(self) -> None:
        """Removes what the engine stored for itself."""


def engine_for(spark: Any, *, store: Store, scratch: str) -> Engine:
    """`scratch`: a key prefix for what Spark needs in S3 while it runs."""
    if type(spark).__module__.startswith("sqlframe"):
        return DuckDbEngine(spark, store=store)
    return SparkEngine(spark, store=store, scratch=scratch)


class _Base:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._temporary = TemporaryDirectory(prefix="etl-")
        self.folder = Path(self._temporary.name)
        self._views: list[str] = []

    def quantiles(self, rows: str, names: Sequence[str], shares: Sequence[float]) -> list[list[float]]:
        """By numpy, which is ten times as fast at exact ones as DuckDB or Spark."""
        return [np.quantile(values, shares).tolist() if len(values) else [] for values in self._values(rows, names)]

    def below(self, rows: str, edges: Mapping[str, Sequence[float]]) -> list[list[int]]:
        columns = zip(self._values(rows, list(edges)), edges.values(), strict=True)
        return [[int(np.count_nonzero(values < edge)) for edge in limits] for values, limits in columns]

    def _values(self, rows: str, names: Sequence[str]) -> Iterator[Doubles]:
        """The values of each column that are not null; one column at a time is in memory."""
        paths = self._local(select(listed(names), rows))
        for name in names:
            yield np.concatenate([_doubles(path, name) for path in paths])
        for path in paths:
            path.unlink()

    def _local(self, statement: str) -> list[Path]:
        """The rows in files on the local disk, one at least."""
        raise NotImplementedError

    def _new_name(self) -> str:
        self._views.append(f"__rows_{next(_serial)}")
        return self._views[-1]


class SparkEngine(_Base):
    """What is computed once lies in S3, not in the memory of executors: only the columns that are used are read."""

    def __init__(self, spark: Any, *, store: Store, scratch: str) -> None:
        super().__init__(store)
        self._spark, self._scratch = spark, scratch

    def table(self, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> str:
        """Several files, which Spark reads at the same time."""
        name = self._new_name()
        for number, some in enumerate(_files(batches)):
            path = self.folder / "rows.parquet"
            _write(path, some, schema, compression="snappy")
            self._store.upload(path, f"{self._scratch}{name}/part-{number:05}.parquet")
            path.unlink()
        return self._viewed(name)

    def materialise(self, statement: str) -> str:
        name = self._new_name()
        self._spark.sql(statement).write.mode("overwrite").parquet(self._place(name))
        return self._viewed(name)

    def ask(self, statement: str) -> list[Sequence[Any]]:
        found: list[Sequence[Any]] = self._spark.sql(statement).collect()
        return found

    def write_parquet(self, statement: str, folder: str) -> list[str]:
        self._spark.sql(statement).write.mode("overwrite").parquet(self._store.uri(folder))
        return self._parts(folder)

    def close(self) -> None:
        for name in self._views:
            self._spark.catalog.dropTempView(name)
        self._store.delete(self._store.keys(self._scratch))
        self._temporary.cleanup()

    def _local(self, statement: str) -> list[Path]:
        """By way of S3: what Spark hands to the driver itself passes through rows of Python objects."""
        folder = f"{self._scratch}values"
        self._spark.sql(statement).write.mode("overwrite").parquet(self._store.uri(folder))
        paths = []
        for number, key in enumerate(self._parts(folder)):
            paths.append(self.folder / f"values_{number}.parquet")
            self._store.fetch(key, paths[-1])
        return paths

    def _parts(self, folder: str) -> list[str]:
        """Without the marker files that committers leave."""
        return sorted(key for key in self._store.keys(f"{folder}/") if key.rsplit("/", 1)[-1].startswith("part-"))

    def _place(self, name: str) -> str:
        return self._store.uri(f"{self._scratch}{name}")

    def _viewed(self, name: str) -> str:
        self._spark.read.parquet(self._place(name)).createOrReplaceTempView(name)
        return name


class DuckDbEngine(_Base):
    """Stages files on the local disk: DuckDB reads S3 only with an extension that it would have to download."""

    def __init__(self, session: Any, *, store: Store) -> None:
        super().__init__(store)
        # Without sqlframe's data frames, which take longer to build for many columns than DuckDB to run them.
        self._connection = session._conn
        # A second thread takes a third more of the processor for the same work, and twice the memory.
        self._connection.execute("set threads to 1")

    def table(self, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> str:
        name = self._new_name()
        _write(self._path(name), batches, schema, compression="none")
        return self._viewed(name)

    def materialise(self, statement: str) -> str:
        """A file and not a table, which would lie in memory as it is."""
        name = self._new_name()
        self._copy(statement, self._path(name), compression="none")
        return self._viewed(name)

    def ask(self, statement: str) -> list[Sequence[Any]]:
        found: list[Sequence[Any]] = self._connection.execute(_translated(statement)).fetchall()
        return found

    def write_parquet(self, statement: str, folder: str) -> list[str]:
        path, key = self.folder / "part.parquet", f"{folder}/part-00000.parquet"
        self._copy(statement, path, compression="snappy")
        self._store.upload(path, key)
        path.unlink()
        return [key]

    def close(self) -> None:
        for name in self._views:
            self._connection.execute(f'drop view if exists "{name}"')
        self._temporary.cleanup()

    def _local(self, statement: str) -> list[Path]:
        path = self.folder / "values.parquet"
        self._copy(statement, path, compression="none")
        return [path]

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.parquet"

    def _copy(self, statement: str, path: Path, *, compression: str) -> None:
        """Arrow's writer takes a third of the time of DuckDB's own, which looks for repeated numbers."""
        found = self._connection.execute(_translated(statement)).fetch_record_batch(_BATCH_ROWS)
        _write(path, found, found.schema, compression=compression)

    def _viewed(self, name: str) -> str:
        self._connection.execute(f"create view \"{name}\" as from read_parquet('{self._path(name)}')")
        return name


def _doubles(path: Path, name: str) -> Doubles:
    column = ParquetFile(path).read(columns=[name], use_threads=False).column(0)
    return doubles_of(pc.drop_null(column.combine_chunks()))


def _translated(statement: str) -> str:
    """To DuckDB's SQL, which differs in how names are quoted. Statements hold no other backtick."""
    return statement.replace(APART, "").replace("`", '"')


def _files(batches: Iterable[pa.RecordBatch]) -> Iterator[list[pa.RecordBatch]]:
    """At least one, which may be empty."""
    held: list[pa.RecordBatch] = []
    written = False
    for batch in batches:
        held.append(batch)
        if sum(item.num_rows for item in held) >= _FILE_ROWS:
            yield held
            held, written = [], True
    if held or not written:
        yield held


def _write(path: Path, batches: Iterable[pa.RecordBatch], schema: pa.Schema, *, compression: str) -> None:
    """Levels repeat; numbers and ids seldom do."""
    repeated = [field.name for field in schema if not pa.types.is_primitive(field.type) and field.name != ROW_ID]
    with ParquetWriter(
        path, schema, compression=compression, use_dictionary=repeated, write_statistics=False, store_schema=False
    ) as writer:
        for batch in batches:
            writer.write_batch(batch)
