"""GET below /models/<model>/runs/<run_id>: the rejected rows of a run, and links to those that its model saw."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from contract import Contract
from platform_api.records import Records
from platform_api.runs import unknown
from rest.handling import whole_number, word
from rest.limits import MAX_REJECTS
from rest.problems import invalid_field, not_found
from tracking.datasets import SPLITS, raw_keys, raw_splits, rejects

# A function may answer with 6 MB. A row has at most a megabyte, which JSON may write six times as long.
MAX_ANSWER_BYTES = 4 * 1024 * 1024
MAX_ROW_CHARACTERS = 100_000
MOST_LINES = 999_999_999


def rejected(records: Records, contract: Contract, event: dict[str, Any]) -> dict[str, Any]:
    """The query's `after` is the last line of the page before."""
    run_id = event["pathParameters"]["run_id"]
    limit = whole_number(event, "limit", low=1, high=MAX_REJECTS, default=1000)
    after = whole_number(event, "after", low=0, high=MOST_LINES, default=0)
    _check(run_id, contract)
    found: list[dict[str, Any]] = []
    size = 0
    for reject in rejects(records.place, model=contract.name, run_id=run_id, after=after):
        document = {**asdict(reject), "row": reject.row[:MAX_ROW_CHARACTERS]}
        size += len(json.dumps(document))
        if len(found) == limit or (found and size > MAX_ANSWER_BYTES):
            return {"rejects": found, "after": found[-1]["line"]}
        found.append(document)
    if not found:
        _known_run(records, contract, run_id)
    return {"rejects": found, "after": None}


def data(records: Records, contract: Contract, event: dict[str, Any]) -> dict[str, Any]:
    """Links, because a side may be larger than an answer."""
    run_id, split = event["pathParameters"]["run_id"], word(event, "split") or "test"
    if split not in SPLITS:
        raise invalid_field("split", f"must be one of {', '.join(SPLITS)}, is {split[:60]!r}")
    _check(run_id, contract)
    manifest = records.manifest(contract.name, run_id)
    if manifest is None:
        _known_run(records, contract, run_id)
        raise not_found(f"Run {run_id} has no data set.")
    kept = raw_splits(manifest)
    if split not in kept:
        raise not_found(
            f"Run {run_id} keeps no {split} rows as they were in the file; it keeps {' and '.join(kept) or 'none'}."
        )
    return {
        "split": split,
        "rows": manifest["rows"][split],
        "splits": list(kept),
        "files": _files(records, manifest, split),
    }


def _files(records: Records, manifest: Mapping[str, Any], split: str) -> list[dict[str, str]]:
    bucket = records.place.processed_bucket
    names = [(key, f"{split}-{number}.parquet") for number, key in enumerate(raw_keys(manifest, split), start=1)]
    return [{"name": name, "url": records.signed(bucket, key, name=name)} for key, name in names]


def _check(run_id: str, contract: Contract) -> None:
    if not (run_id.isascii() and run_id.isalnum()):
        raise unknown(run_id, contract)


def _known_run(records: Records, contract: Contract, run_id: str) -> None:
    """Raises the problem of a run that is not there."""
    run = records.runs(contract.name).read(run_id)
    if run.state == "uploaded" and not run.steps:
        raise unknown(run_id, contract)
