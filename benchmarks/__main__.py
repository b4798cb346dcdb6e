"""Measures what we do against the least that could do it, and prints each as a ratio."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[0:1] = [str(ROOT), str(ROOT / "assets" / "shared" / "python"), str(ROOT / "assets" / "pipeline")]
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"

from benchmarks import batch, burst, etl, floor, levels, start  # noqa: E402  (paths and threads come first)
from cli.data import find_data  # noqa: E402


def seconds_of(work: Callable[[], object], *, repeat: int) -> float:
    """Median seconds of a call, after one that warms up."""
    work()
    taken = []
    for _ in range(repeat):
        begin = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken)


def whole_run(data: Path) -> dict[str, float]:
    """Upload to live endpoint on the local cloud, against one script that does the same work in one process."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-m", "benchmarks.floor", str(data)], cwd=ROOT, check=True, capture_output=True)
    script = time.perf_counter() - begin
    done = subprocess.run(
        [sys.executable, str(ROOT / "cli"), "local", "run", "--data", str(data), "--json"],
        check=True,
        capture_output=True,
        text=True,
    )
    run = json.loads(done.stdout)["seconds"]["run"]
    return {"script_seconds": round(script, 2), "platform_seconds": run, "ratio": round(run / script, 2)}


def one_row(data: Path) -> dict[str, float]:
    """A raw record to a price through the served code, against the booster alone on a prepared row."""
    import inference

    with tempfile.TemporaryDirectory() as folder:
        model, record, row = floor.packaged_model(data, Path(folder))
        body = json.dumps({"instances": [record]})

        def serve() -> object:
            loaded = inference.input_fn(body, "application/json")
            return inference.output_fn(inference.predict_fn(loaded, model), "application/json")

        ours = seconds_of(serve, repeat=300)
        least = seconds_of(lambda: floor.booster_of(model).inplace_predict(row), repeat=300)
    return {"booster_ms": round(least * 1e3, 3), "served_ms": round(ours * 1e3, 3), "ratio": round(ours / least, 2)}


PARTS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "whole_run": whole_run,
    "one_row": one_row,
    "batch": batch.million_rows,
    "etl": etl.etl,
    "levels": levels.many_levels,
    "predict_start": start.predict_start,
    "burst": burst.burst,
}


def main() -> None:
    """The parts that the arguments name, or all of them."""
    data = find_data("california_housing", None)
    document = {"data": data.origin, **{name: PARTS[name](data.path) for name in sys.argv[1:] or PARTS}}
    sys.stdout.write(json.dumps(document, indent=1) + "\n")


main()
