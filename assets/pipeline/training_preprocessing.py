"""Prepare: checks what the ETL job wrote and hands it on, one sorted Parquet file a split."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from steps import context as contexts
from steps import dataset, etl_output, leaks, logs, sums
from steps.failures import StepError, run


def prepare(*, dataset_dir: Path, output: Path, contract_hash: str) -> None:
    """Raises StepError when the data set is not complete, was changed, or was made for another contract."""
    contexts.check_files(dataset_dir)
    context = contexts.read_context(dataset_dir)
    logs.about(run_id=context.run_id)
    _check_contract(context, contract_hash)
    sums.check_sums(dataset_dir, context.sums)
    splits = {split: etl_output.read_split(dataset_dir, split, context) for split in contexts.SPLITS}
    raw = etl_output.read_raw_test(dataset_dir, splits["test"], context)
    leaks.check_sides(splits, raw, context)
    for split, table in splits.items():
        dataset.write_rows(table, output / split, context.recipe, keep_row_id=split == "test")
    dataset.write_raw(raw, output / "test")
    (output / "context").mkdir(parents=True, exist_ok=True)
    for name in contexts.FILES:
        contexts.read_json(dataset_dir / name)
        shutil.copyfile(dataset_dir / name, output / "context" / name)
    logs.event("prepared", rows={split: table.num_rows for split, table in splits.items()})


def _check_contract(context: contexts.Context, wanted: str) -> None:
    found = context.recipe.contract.hash
    if found != wanted:
        name = context.recipe.contract.name
        raise StepError(
            f"recipe.json: the data set was made for contract {found[:12]} of {name}, the pipeline is deployed with "
            f"{wanted[:12]}; run the ETL job again, with the present model.toml"
        )


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", type=Path, required=True, help="folder of one ETL run")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--contract-hash", required=True, help="of the model.toml that the pipeline is deployed with")
    arguments = parser.parse_args(argv)
    logs.configure(step="prepare")
    return run(
        lambda: prepare(dataset_dir=arguments.dataset, output=arguments.output, contract_hash=arguments.contract_hash)
    )


if __name__ == "__main__":
    sys.exit(main())
