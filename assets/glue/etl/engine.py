"""Reading and writing on Spark and on DuckDB: the only code that knows which of them runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from pyspark.sql import DataFrame

from etl.rows import LINE, Layout, Record, is_data, record
from etl.run import Source
from etl.store import Store

_CHUNK_ROWS = 50_000
_serial = count()


class Engine(Protocol):
    def rows(self, source: Source, layout: Layout) -> DataFrame:
        """One row a data line, with the columns of `layout`."""

    def materialise(self, frame: DataFrame, name: str) -> DataFrame:
        """Computes a frame once that is used several times."""

    def write_parquet(self, frame: DataFrame, folder: str, order: tuple[str, ...]) -> list[str]:
        """Writes part files below the key prefix `folder`. Returns their keys."""

    def write_json(self, frame: DataFrame, folder: str, order: tuple[str, ...]) -> list[str]:
        """The same, as JSON lines."""

    def close(self) -> None:
        """Removes what the engine stored for itself."""


def engine_for(spark: Any, *, store: Store, scratch: str) -> Engine:
    """`scratch`: a key prefix for what Spark needs in S3 while it runs."""
    if type(spark).__module__.startswith("sqlframe"):
        return DuckDbEngine(spark, store=store)
    return SparkEngine(spark, store=store, scratch=scratch)


class SparkEngine:
    def __init__(self, spark: Any, *, store: Store, scratch: str) -> None:
        self._spark = spark
        self._store = store
        self._copy = f"{scratch}source.csv"

    def rows(self, source: Source, layout: Layout) -> DataFrame:
        """Reads a copy: a path names no version, and Hadoop takes commas and brackets in a key for patterns."""
        self._store.copy(source, self._copy)
        lines = self._spark.sparkContext.textFile(self._store.uri(self._copy)).zipWithIndex()
        numbered = lines.map(lambda pair: (pair[1] + 1, pair[0]))
        records = numbered.filter(lambda pair: is_data(pair[0], pair[1], layout))
        parsed = records.map(lambda pair: record(pair[0], pair[1], layout))
        frame: DataFrame = self._spark.createDataFrame(parsed, _schema(layout))
        return frame

    def materialise(self, frame: DataFrame, name: str) -> DataFrame:
        return frame.cache()

    def write_parquet(self, frame: DataFrame, folder: str, order: tuple[str, ...]) -> list[str]:
        frame.orderBy(*order).write.mode("overwrite").parquet(self._store.uri(folder))
        return self._parts(folder)

    def write_json(self, frame: DataFrame, folder: str, order: tuple[str, ...]) -> list[str]:
        frame.orderBy(*order).write.mode("overwrite").json(self._store.uri(folder))
        return self._parts(folder)

    def close(self) -> None:
        self._spark.catalog.clearCache()
        self._store.delete(self._store.keys(self._copy))

    def _parts(self, folder: str) -> list[str]:
        """Without the marker files that committers leave."""
        return sorted(key for key in self._store.keys(f"{folder}/") if key.rsplit("/", 1)[-1].startswith("part-"))


class DuckDbEngine:
    """Stages files on the local disk: DuckDB reads S3 only with an extension that it would have to download."""

    def __init__(self, spark: Any, *, store: Store) -> None:
        self._spark = spark
        self._store = store
        self._folder = TemporaryDirectory(prefix="etl-")
        self._path = Path(self._folder.name)

    def rows(self, source: Source, layout: Layout) -> DataFrame:
        csv, parquet = self._path / "source.csv", self._path / "source.parquet"
        self._store.download(source, csv)
        _write_records(csv, parquet, layout)
        frame: DataFrame = self._spark.read.load(str(parquet), format="parquet", schema=_schema(layout))
        return frame

    def materialise(self, frame: DataFrame, name: str) -> DataFrame:
        """A table, because sqlframe ignores cache(); of a new name, because it remembers the columns of a table."""
        unique = f"{name}_{next(_serial)}"
        frame.write.saveAsTable(unique)
        table: DataFrame = self._spark.table(unique)
        return table

    def write_parquet(self, frame: DataFrame, folder: str, order: tuple[str, ...]) -> list[str]:
        path = self._path / "part.parquet"
        frame.orderBy(*order).write.parquet(str(path), mode="overwrite")
        return self._upload(path, f"{folder}/part-00000.parquet")

    def write_json(self, frame: DataFrame, folder: str, order: tuple[str, ...]) -> list[str]:
        path = self._path / "part.json"
        frame.orderBy(*order).write.json(str(path), mode="overwrite")
        return self._upload(path, f"{folder}/part-00000.json")

    def close(self) -> None:
        self._folder.cleanup()

    def _upload(self, path: Path, key: str) -> list[str]:
        self._store.upload(path, key)
        path.unlink()
        return [key]


def _schema(layout: Layout) -> str:
    return ", ".join(f"{name} {'bigint' if name == LINE else 'string'}" for name in layout.columns)


def _write_records(csv: Path, parquet: Path, layout: Layout) -> None:
    """All as text, in chunks, so that the size of a file does not matter."""
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    schema = pa.schema([(name, pa.string()) for name in layout.columns])
    records = _records(csv, layout)
    with ParquetWriter(parquet, schema, compression="lz4", use_dictionary=False, write_statistics=False) as writer:
        while chunk := list(islice(records, _CHUNK_ROWS)):
            numbers, *texts = zip(*chunk, strict=True)
            arrays = [_strings(values) for values in (map(str, numbers), *texts)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


def _strings(values: Iterable[str | None]) -> Any:
    """Built without pyarrow.array(), which imports pandas: half a second."""
    from pyarrow.lib import StringBuilder

    builder = StringBuilder()
    builder.append_values(list(values))
    return builder.finish()


def _records(csv: Path, layout: Layout) -> Iterator[Record]:
    """Lines end as Hadoop ends them: LF, CR or CRLF."""
    with csv.open(encoding="utf-8", errors="replace", newline=None) as lines:
        for number, line in enumerate(lines, start=1):
            text = line.removesuffix("\n")
            if is_data(number, text, layout):
                yield record(number, text, layout)
