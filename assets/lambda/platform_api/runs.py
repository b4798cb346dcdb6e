"""GET /models/<model>/runs: what became of the uploads."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from contract import Contract
from contract.books import books_of
from platform_api.records import Records
from rest.handling import whole_number, word
from rest.limits import MAX_RUNS
from rest.problems import ProblemError, not_found
from tracking.logs import log_tail
from tracking.run import Run, Step

LOG_LINES = 20


def newest(records: Records, contract: Contract, event: dict[str, Any]) -> dict[str, Any]:
    """The query's `before` is the last run of the page before."""
    limit, before = whole_number(event, "limit", low=1, high=MAX_RUNS, default=20), word(event, "before")
    try:
        page = records.runs(contract.name).recent(limit=limit, before=before)
    except KeyError:
        raise unknown(before or "", contract) from None
    following = page.runs[-1].run_id if page.more else None
    return {"runs": [document(run) for run in page.runs], "before": following}


def one(records: Records, contract: Contract, run_id: str) -> dict[str, Any]:
    run = records.runs(contract.name).read(run_id) if run_id.isascii() and run_id.isalnum() else None
    if run is None or (run.state == "uploaded" and not run.steps):
        raise unknown(run_id, contract)
    with ThreadPoolExecutor(8) as pool:
        tails = list(pool.map(lambda step: log_tail(records.place, step, lines=LOG_LINES), run.steps))
    steps = [{**_step(step), "log": list(tail)} for step, tail in zip(run.steps, tails, strict=True)]
    return {**document(run), "steps": steps, "evaluation": _evaluation(run.evaluation)}


def unknown(run_id: str, contract: Contract) -> ProblemError:
    return not_found(f"There is no run {run_id[:60]!r} of {contract.name}.")


def document(run: Run) -> dict[str, Any]:
    books, counted = books_of(run.counted), run.counted or {}
    return {
        "run_id": run.run_id,
        "state": run.state,
        "file": run.file,
        "started": run.started.isoformat() if run.started else None,
        "since": run.since.isoformat() if run.since else None,
        "reason": run.reason,
        "model_version": run.model_version,
        "rows": counted.get("rows"),
        "books": books.to_dict() if books else None,
        "steps": [_step(step) for step in run.steps],
    }


def _step(step: Step) -> dict[str, Any]:
    return {"name": step.name, "status": step.status, "seconds": step.seconds, "reason": step.reason}


def _evaluation(evaluation: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if evaluation is None:
        return None
    gate = evaluation["gate"]
    return {
        "metric": gate["metric"],
        "value": gate["value"],
        "interval": evaluation["interval"].get(gate["metric"]),
        "gate": {"decision": gate["decision"], "reason": gate["reason"]},
    }
