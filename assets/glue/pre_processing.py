"""Glue job: a CSV object version to train, validation and test parts, with the recipe that was fitted on the way.

Runs on Spark (Glue 5.1), and on DuckDB where the local runner puts sqlframe in the place of pyspark.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
from awsglue.utils import getResolvedOptions
from pyspark.sql import SparkSession

from contract import Contract, FileError, bundled
from contract.reading import Layout
from etl import checks, distribution, logs, source, splits
from etl.books import Sides, books, books_of_refusal
from etl.engine import Engine, engine_for
from etl.fitted import Fitted, fitted
from etl.reader import Reader, schema_of
from etl.run import Refused, Run
from etl.splits import Counted
from etl.store import S3Store, Store
from etl.tally import Tally

VERSION = 1
_COMPANIONS = ("recipe.json", "profile.json")
_LOCK = "claim.json"  # written by start_etl before the run


@dataclass(frozen=True)
class File:
    """What a file holds: the rows that can be used, and how it was read."""

    rows: str
    layout: Layout
    reader: Reader
    tally: Tally


def main(argv: list[str]) -> None:
    options = getResolvedOptions(argv, ["JOB_NAME", "WORKFLOW_NAME", "WORKFLOW_RUN_ID", "processed_bucket"])
    glue = boto3.client("glue")
    workflow = {"Name": options["WORKFLOW_NAME"], "RunId": options["WORKFLOW_RUN_ID"]}
    run = Run.from_properties(glue.get_workflow_run_properties(**workflow)["RunProperties"])
    logs.configure(model=run.model, run_id=run.run_id, workflow_run_id=options["WORKFLOW_RUN_ID"])
    store = S3Store(boto3.client("s3"), bucket=options["processed_bucket"])
    process(SparkSession.builder.getOrCreate(), store=store, run=run, contracts=bundled())


def process(spark: Any, *, store: Store, run: Run, contracts: Mapping[str, Contract]) -> None:
    """Writes the data set of the run and its manifest, or refused.json. Raises Refused."""
    logs.event("started", key=run.source.key, version=run.source.version, size=run.source.size)
    # The manifest of an earlier attempt goes first: without it, what is left of a data set is no data set.
    store.delete(sorted(_leftovers(store, run), key=lambda key: not key.endswith("/manifest.json")))
    engine = engine_for(spark, store=store, scratch=f"{run.folder}source/")
    tally = Tally(engine.folder / "rejects.json")
    try:
        contract = checks.check_model(run.model, contracts, run.source.file)
        manifest = _write_data_set(engine, tally, store=store, run=run, contract=contract)
    except Refused as refusal:
        refused = _document(run, reason=str(refusal), **books_of_refusal(tally), at=_now())
        store.put_json(f"{run.folder}refused.json", refused)
        logs.event("refused", reason=str(refusal))
        raise
    except Exception as error:
        logs.event("failed", reason=f"{type(error).__name__}: {error}")
        raise
    finally:
        engine.close()
    store.put_json(f"{run.folder}manifest.json", manifest)
    logs.event("finished", rows=manifest["rows"])


def _write_data_set(engine: Engine, tally: Tally, *, store: Store, run: Run, contract: Contract) -> dict[str, Any]:
    """Everything but the manifest, which is returned."""
    name = run.source.file
    file = _read(engine, tally, store=store, run=run, contract=contract)
    checks.check_rejects(file.tally, contract, name)
    sides = _split(engine, file, contract, name)
    found = fitted(engine, sides.rows, contract, name)
    logs.event("fitted", **sides.totals)
    store.put_text(f"{run.folder}recipe.json", found.recipe.to_json())
    profile = distribution.profile(engine, sides.rows["train"], contract)
    store.put_json(f"{run.folder}profile.json", _document(run, contract_hash=contract.hash, **profile))
    files = _write_parts(engine, found, run)
    names = [*(key.removeprefix(run.folder) for keys in files.values() for key in keys), *_COMPANIONS]
    return _document(
        run,
        contract_hash=contract.hash,
        **books(file.tally, file.layout, sides, found.kept, contract),
        files=files,
        # As they are stored: Spark's executors write the parts, and the job sees no bytes of them before.
        sha256={name: store.sha256(run.folder + name) for name in names},
        target=contract.target.name,
        columns=[column.name for column in found.recipe.columns],
        ignored_columns=list(file.layout.ignored),
        created_at=_now(),
    )


def _read(engine: Engine, tally: Tally, *, store: Store, run: Run, contract: Contract) -> File:
    """Rejected rows are written, whatever becomes of the file. Raises Refused for what is no table of these columns."""
    try:
        opened = source.opened(store, run.source, contract.rules_to_train, engine.folder)
        reader = Reader(contract, opened.layout, tally)
        rows = engine.table(reader.batches(opened.texts()), schema_of(contract))
    except FileError as error:
        raise Refused(f"{run.source.file}: {error}") from error
    tally.comments, tally.complete = opened.comments(), True
    if tally.rejected:
        store.upload(tally.path, f"{run.folder}rejects/part-00000.json")
    logs.event("parsed", read=tally.read, rejected=tally.rejected, reasons=tally.reasons)
    return File(rows, opened.layout, reader, tally)


def _split(engine: Engine, file: File, contract: Contract, name: str) -> Sides:
    usable = file.tally.read - file.tally.rejected
    counted = Counted(file.rows)
    if file.reader.repeated_keys():
        counted = splits.last_of_each_key(engine, file.rows, usable, contract)
    # Rows with different keys differ.
    elif not contract.data.key and file.reader.repeated_rows():
        counted = splits.numbered_copies(engine, file.rows, contract)
    file.tally.replaced, file.tally.dropped = counted.replaced, counted.dropped
    checks.check_rows(usable - counted.replaced - counted.dropped, contract, name)
    rows = splits.with_split(counted.rows, contract, splits.bounds_of(contract))
    moved: Mapping[str, int] = {}
    sizes = splits.sizes(engine.ask, rows, contract)
    if not all(any(levels.values()) for levels in sizes.values()):
        bounds, moved = splits.filled(engine.ask, counted.rows, contract, name)
        rows = splits.with_split(counted.rows, contract, bounds)
        sizes = splits.sizes(engine.ask, rows, contract)
    checks.check_sides(sizes, contract, name)
    parts = {side: engine.materialise(splits.part(rows, side, contract)) for side in splits.NAMES}
    return Sides(parts, counted, sizes, moved)


def _write_parts(engine: Engine, found: Fitted, run: Run) -> dict[str, list[str]]:
    """Keys of the part files of each side: of the model's inputs, and of the same rows as the file has them."""
    files = {name: engine.write_parquet(found.part(name), f"{run.folder}{name}") for name in splits.NAMES}
    raw = {name: engine.write_parquet(found.raw_part(name), f"{run.folder}raw/{name}") for name in splits.NAMES}
    return files | {f"raw_{name}": keys for name, keys in raw.items()}


def _document(run: Run, **fields: object) -> dict[str, Any]:
    return {"version": VERSION, "model": run.model, "run_id": run.run_id, "source": run.source.to_dict(), **fields}


def _leftovers(store: Store, run: Run) -> list[str]:
    return [key for key in store.keys(run.folder) if key != run.folder + _LOCK]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


if __name__ == "__main__":
    main(sys.argv)
