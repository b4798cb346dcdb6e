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
from pyspark.sql import DataFrame, SparkSession

from contract import HEAD_BYTES, Contract, Recipe, bundled
from etl import accept, checks, distribution, fit, logs, splits, transform
from etl.engine import Engine, engine_for
from etl.rows import ROW_ID
from etl.run import Refused, Run
from etl.store import S3Store, Store

VERSION = 1
_LOCK = "claim.json"  # written by start_etl before the run


@dataclass(frozen=True)
class Fitted:
    """`frame` holds every distinct row with complete numbers, its split, and whether it is kept."""

    frame: DataFrame
    recipe: Recipe


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
    try:
        contract = checks.check_model(run.model, contracts, run.source.file)
        manifest = _write_data_set(engine, store=store, run=run, contract=contract)
    except Refused as refusal:
        store.put_json(f"{run.folder}refused.json", _document(run, reason=str(refusal), at=_now()))
        logs.event("refused", reason=str(refusal))
        raise
    except Exception as error:
        logs.event("failed", reason=f"{type(error).__name__}: {error}")
        raise
    finally:
        engine.close()
    store.put_json(f"{run.folder}manifest.json", manifest)
    logs.event("finished", rows=manifest["rows"])


def _write_data_set(engine: Engine, *, store: Store, run: Run, contract: Contract) -> dict[str, Any]:
    """Everything but the manifest, which is returned."""
    file = run.source.file
    layout = checks.layout_of(store.head(run.source, HEAD_BYTES), contract, file)
    parsed = engine.materialise(accept.typed(engine.rows(run.source, layout), contract), "parsed")
    tally = accept.tally(parsed)
    logs.event("parsed", read=tally.read, rejected=tally.rejected, reasons=tally.reasons)
    if tally.rejected:
        engine.write_json(accept.rejects(parsed, contract), f"{run.folder}rejects", ("line",))
    checks.check_rejects(tally, contract, file)
    rows = splits.with_split(splits.distinct_rows(accept.accepted(parsed), contract), contract)
    rows = engine.materialise(rows, "rows_split")
    sizes = splits.sizes(rows)
    checks.check_rows(sizes, contract, file)
    fitted = _fit(engine, rows, contract, file)
    logs.event("fitted", **sizes)
    store.put_text(f"{run.folder}recipe.json", fitted.recipe.to_json())
    profile = distribution.profile(splits.part(rows, "train"), contract)
    store.put_json(f"{run.folder}profile.json", _document(run, contract_hash=contract.hash, **profile))
    files, kept = _write_splits(engine, fitted, run)
    raw_test = transform.raw_features(splits.part(rows, "test"), contract)
    files["raw_test"] = engine.write_parquet(raw_test, f"{run.folder}raw/test", (ROW_ID,))
    counts = {
        "read": tally.read,
        "rejected": tally.rejected,
        "duplicates": tally.read - tally.rejected - sum(sizes.values()),
        "outliers": sizes["train"] - kept["train"],
        **kept,
    }
    return _document(
        run,
        contract_hash=contract.hash,
        rows=counts,
        reasons=dict(tally.reasons),
        files=files,
        target=contract.target.name,
        columns=[column.name for column in fitted.recipe.columns],
        ignored_columns=list(layout.ignored),
        created_at=_now(),
    )


def _fit(engine: Engine, rows: DataFrame, contract: Contract, file: str) -> Fitted:
    """Every statistic is one of train rows; mean and deviation are those of the train rows that are kept."""
    defaults = {item.name: float(item.default or 0) for item in contract.numeric if item.nullable}
    impute = fit.medians(fit.ranges(splits.part(rows, "train"), list(defaults)), defaults)
    frame = transform.imputed(rows, impute)
    for number, wave in enumerate(transform.waves(contract.derived)):
        frame = engine.materialise(transform.with_derived(frame, wave), f"derived_{number}")
        ranges = fit.ranges(splits.part(frame, "train"), [item.name for item in wave])
        checks.check_ranges(ranges, file)
        impute |= fit.medians(ranges, {})
        frame = transform.imputed(frame, {item.name: impute[item.name] for item in wave})
    fences = fit.fences(splits.part(frame, "train"), contract.outliers)
    frame = transform.with_kept(frame, fences)
    kept = transform.kept(splits.part(frame, "train"))
    checks.check_kept(kept.count(), contract, file)
    mean, std = fit.moments(kept, transform.numbers(contract))
    return Fitted(frame, Recipe.fitted(contract, impute=impute, fences=fences, mean=mean, std=std))


def _write_splits(engine: Engine, fitted: Fitted, run: Run) -> tuple[dict[str, list[str]], dict[str, int]]:
    """Keys of the part files, and rows, a split."""
    rows = engine.materialise(transform.encoded(fitted.frame, fitted.recipe), "encoded")
    kept = transform.kept(rows)
    order = (ROW_ID, fitted.recipe.contract.target.name)
    files = {}
    for name in splits.NAMES:
        written = splits.part(kept, name).drop(splits.SPLIT, transform.KEPT)
        files[name] = engine.write_parquet(written, f"{run.folder}{name}", order)
    return files, splits.sizes(kept)


def _document(run: Run, **fields: object) -> dict[str, Any]:
    return {"version": VERSION, "model": run.model, "run_id": run.run_id, "source": run.source.to_dict(), **fields}


def _leftovers(store: Store, run: Run) -> list[str]:
    return [key for key in store.keys(run.folder) if key != run.folder + _LOCK]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


if __name__ == "__main__":
    main(sys.argv)
