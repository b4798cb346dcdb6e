"""200 files of three models in one minute on the local cloud: what became of each, and how long it took.

BURST_FILES: how many instead. A tenth of them is bad, and another tenth is sent twice.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cli import local
from cli.target import Target
from cli.terminal import Console
from tests.e2e import bursts
from tests.e2e.bursts import Sent
from tracking.run import Run

MODELS = ("houses", "homes", "flats")
FILES = int(os.environ.get("BURST_FILES", "200"))
ROWS = 400
SECONDS = 60.0
PATIENCE_SECONDS = 7200.0
DONE = ("live", "superseded", "unchanged")


class BurstError(Exception):
    """A file was lost, run twice or overtaken."""


def burst(data: Path) -> dict[str, Any]:
    """Raises BurstError with the figures when a file did not become what it should."""
    with tempfile.TemporaryDirectory() as folder:
        models = bursts.write_models(Path(folder) / "models", MODELS)
        files = bursts.write_files(data, Path(folder), models=MODELS, count=FILES, rows=ROWS, every=10)
        with local.deployed(stage="dev", console=Console(quiet=True), watch=local.Stopwatch(), models=models) as here:
            begin = time.monotonic()
            sent = bursts.send(here.target, files, seconds=SECONDS * FILES / 200)
            uploaded = time.monotonic() - begin
            wanted = {model: set(bursts.in_order(sent, model)) for model in MODELS}
            runs = bursts.wait_for_all(here.target, MODELS, wanted, timeout=PATIENCE_SECONDS)
            took = time.monotonic() - begin
            found = figures(here.target, sent, runs)
    found = {"upload_seconds": round(uploaded, 1), "seconds": round(took, 1), **found}
    wrong = (
        "not_run",
        "run_twice",
        "overtaken",
        "live_before_a_newer_one",
        "good_and_not_done",
        "bad_and_not_refused",
        "dead_letters",
    )
    if any(found[name] for name in wrong):
        raise BurstError(str(found))
    return found


def figures(target: Target, sent: Sequence[Sent], runs: Sequence[Run]) -> dict[str, Any]:
    started = bursts.started_runs(target)
    times = Counter(run.run_id for run in started)
    states = {run.run_id: run.state for run in runs}
    good = {item.upload.run_id for item in sent if item.file.good}
    bad = {item.upload.run_id for item in sent if not item.file.good}
    overtaken = [
        pair
        for model in MODELS
        for pair in bursts.overtaken([run for run in started if run.model == model], bursts.in_order(sent, model))
    ]
    return {
        "files": len({item.file.path for item in sent}),
        "uploads": len(sent),
        "good": len(good),
        "bad": len(bad),
        "states": dict(Counter(states.values())),
        "live": sum(state == "live" for state in states.values()),
        "longest_wait_seconds": round(max((run.at - run.listed).total_seconds() for run in started), 1),
        "not_run": len((good | bad) - set(times)),
        "run_twice": sum(count > 1 for count in times.values()),
        "overtaken": len(overtaken),
        "live_before_a_newer_one": sum(_is_outlived(bursts.in_order(sent, model), states) for model in MODELS),
        "good_and_not_done": sum(states.get(run_id) not in DONE for run_id in good),
        "bad_and_not_refused": sum(states.get(run_id) != "refused" for run_id in bad),
        "dead_letters": sum(bursts.dead(target).values()),
    }


def _is_outlived(in_order: Sequence[str], states: Mapping[str, str]) -> bool:
    """Whether a model answers from an upload although one that was sent later became a version, too."""
    versions = [run_id for run_id in in_order if states.get(run_id) in ("live", "superseded")]
    return bool(versions) and states[versions[-1]] != "live"
