"""The ETL job's own door: its reader, in whole blocks where it can, and the rows that its engines then see."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import cast

import duckdb
import pyarrow.parquet as pq

from contract import Contract, FileError
from contract.reading import Row
from etl import source
from etl.engine import DuckDbEngine, SparkEngine
from etl.reader import Reader, schema_of
from etl.rows import LINE
from etl.run import Source
from etl.store import Store
from etl.tally import Tally

SOURCE = Source(bucket="raw", key="m/f.csv", version="1", etag="", size=0)


class Folder:
    """A store with one uploaded file, and a folder for what is written."""

    def __init__(self, content: bytes, folder: Path) -> None:
        self._content, self._folder = content, folder

    def head(self, _source: Source, limit: int) -> bytes:
        return self._content[:limit]

    def pieces(self, _source: Source) -> Iterator[bytes]:
        steps = [97, 4096] if len(self._content) < 50_000 else [65_536, 1 << 20]
        step = random.Random(len(self._content)).choice(steps)
        yield from (self._content[at : at + step] for at in range(0, len(self._content), step))

    def download(self, _source: Source, path: Path) -> None:
        path.write_bytes(self._content)

    def upload(self, path: Path, key: str) -> None:
        wanted = self._folder / key
        wanted.parent.mkdir(parents=True, exist_ok=True)
        wanted.write_bytes(path.read_bytes())

    def uri(self, key: str) -> str:
        return str(self._folder / key)

    def keys(self, prefix: str) -> list[str]:
        return [str(path.relative_to(self._folder)) for path in (self._folder / prefix).rglob("*.parquet")]

    def delete(self, _keys: list[str]) -> None:
        """The folder goes as a whole."""


class Kept(Tally):
    """Keeps the rows that were rejected."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.rows: list[Row] = []

    def add_rejects(self, rows: list[Row]) -> None:
        super().add_rejects(rows)
        self.rows += rows


class ParquetSession:
    """Spark without a JVM: of what it is told to read, the lines."""

    def __init__(self) -> None:
        self.lines: list[int] = []
        self.catalog = SimpleNamespace(dropTempView=lambda _name: None)

    @property
    def read(self) -> ParquetSession:
        return self

    def parquet(self, place: str) -> SimpleNamespace:
        parts = sorted(Path(place).glob("part-*.parquet"))
        self.lines = [line for part in parts for line in pq.read_table(part)[LINE].to_pylist()]
        return SimpleNamespace(createOrReplaceTempView=lambda _name: None)


def read(content: bytes, contract: Contract, *, spark: bool) -> tuple[list[int], list[Row]]:
    """Lines of the rows that the engine sees, and the rows that were rejected. Raises FileError."""
    with TemporaryDirectory() as place:
        store = cast(Store, Folder(content, Path(place)))
        session = ParquetSession() if spark else SimpleNamespace(_conn=duckdb.connect())
        engine = SparkEngine(session, store=store, scratch="source/") if spark else DuckDbEngine(session, store=store)
        tally = Kept(Path(place) / "rejects.json")
        try:
            opened = source.opened(store, SOURCE, contract.rules_to_train, engine.folder)
            reader = Reader(contract, opened.layout, tally)
            rows = engine.table(reader.batches(opened.texts()), schema_of(contract))
            found = session.lines if spark else [row[0] for row in engine.ask(f'select {LINE} from "{rows}"')]
        finally:
            engine.close()
    assert tally.read == len(found) + len(tally.rows)
    if not tally.read:
        raise FileError("there is a header and no row below it")
    return found, tally.rows
