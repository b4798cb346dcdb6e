"""The rows of a run: those that were rejected, and those that its model saw, as they were in the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from cli.errors import CliError
from cli.tables import Cell, write_csv
from cli.target import Target
from contract import Contract, Recipe
from tracking.datasets import Reject, raw_keys, raw_splits, rejects
from tracking.run import Run

if TYPE_CHECKING:
    import pyarrow as pa

REJECTS_FILE = "rejects.csv"
REJECT_COLUMNS = ("line", "reason", "row")
SIDE, ROW_ID = "side", "row_id"
# What stands beside the features in the files, and the role that the contract knows it by.
BESIDE = {"__key": "key", "__group": "group"}


def rejected(target: Target, run: Run) -> Iterator[Reject]:
    return rejects(target.place, model=run.model, run_id=run.run_id)


def save_rejects(found: Iterator[Reject], path: Path, *, safe: bool = False) -> int:
    """As CSV. Returns how many there are; without any there is no file."""
    first = next(found, None)
    if first is None:
        return 0
    cells = ((item.line, item.reason, item.row) for item in _again(first, found))
    return write_csv(path, REJECT_COLUMNS, cells, safe=safe)


def _again(first: Reject, rest: Iterator[Reject]) -> Iterator[Reject]:
    yield first
    yield from rest


@dataclass(frozen=True)
class RawTable:
    """Rows of the sides of a run: side, id, key and group where they are no feature, features, target."""

    header: tuple[str, ...]
    rows: Iterator[list[Cell]]


def raw_table(target: Target, run: Run, split: str | None) -> RawTable:
    """Of one side, or of all that are kept. Raises CliError when there is none."""
    manifest = run.manifest
    if manifest is None:
        raise CliError(f"Run {run.run_id} has no data set: {run.reason.rstrip('.')}.", "See: mlops rejects RUN_ID.")
    kept = raw_splits(manifest)
    if not kept or (split and split not in kept):
        wanted, others = split or "", " and ".join(kept) or "none"
        raise CliError(
            f"Run {run.run_id} keeps no {wanted} rows as they were in the file.".replace("  ", " "),
            f"Sides that it keeps: {others}.",
        )
    contract = _contract(target, run)
    names = _beside(contract)
    header = (SIDE, ROW_ID, *names.values(), *contract.columns)
    return RawTable(header, _rows(target, manifest, [split] if split else list(kept), contract, names))


def _contract(target: Target, run: Run) -> Contract:
    key = f"{run.model}/run={run.run_id}/recipe.json"
    answer = target.client("s3").get_object(Bucket=target.place.processed_bucket, Key=key)
    return Recipe.from_json(answer["Body"].read().decode()).contract


def _beside(contract: Contract) -> dict[str, str]:
    """Columns of the files that are no feature, with the name that they have in the table."""
    read = {feature.field.column for feature in contract.features} | {contract.target.field.column}
    fields = {"__key": contract.key_field, "__group": contract.group_field}
    return {
        name: f"{BESIDE[name]} {field.column}" for name, field in fields.items() if field and field.column not in read
    }


def _rows(
    target: Target, manifest: Mapping[str, Any], splits: Sequence[str], contract: Contract, names: Mapping[str, str]
) -> Iterator[list[Cell]]:
    goal = contract.target
    for split in splits:
        table = _with_target(target, manifest, split, contract)
        wanted = [ROW_ID, *(name for name in names if name in table.column_names), *contract.columns]
        for batch in table.select(wanted).to_batches(max_chunksize=10_000):
            for record in batch.to_pylist():
                record[goal.name] = goal.said(record[goal.name])
                yield [split, record[ROW_ID], *(record.get(name) for name in (*names, *contract.columns))]


def _with_target(target: Target, manifest: Mapping[str, Any], split: str, contract: Contract) -> pa.Table:
    """The raw rows of a side. Data sets that have the target beside the model's inputs alone get it from there."""
    raw = _read(target, raw_keys(manifest, split))
    name = contract.target.name
    if name in raw.column_names:
        return raw.sort_by([(ROW_ID, "ascending"), (name, "ascending")])
    encoded = _read(target, manifest["files"][split]).sort_by([(ROW_ID, "ascending"), (name, "ascending")])
    # Rows that share an id have the same features: which of them has which target is the same.
    raw = raw.sort_by([(ROW_ID, "ascending")])
    if raw[ROW_ID].to_pylist() != encoded[ROW_ID].to_pylist():
        raise CliError(f"The raw {split} rows are other ones than the model's.", "Upload the file again.")
    return raw.append_column(name, encoded[name])


def _read(target: Target, keys: Sequence[str]) -> pa.Table:
    import pyarrow as pa
    from pyarrow import parquet

    with TemporaryDirectory(prefix="mlops-") as folder:
        path, tables = Path(folder) / "part.parquet", []
        for key in keys:
            target.client("s3").download_file(target.place.processed_bucket, key, str(path))
            tables.append(parquet.read_table(path, partitioning=None))
    return pa.concat_tables(tables)
