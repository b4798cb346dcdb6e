"""A million rows through `mlops batch` on the local cloud: seconds, and the memory of everything that takes part."""

from __future__ import annotations

import itertools
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli import local
from cli.batch import run
from cli.follow import follow, raise_for_failure
from cli.terminal import Console
from cli.upload import upload

MODEL = "california_housing"
ROWS = 1_000_000
SAMPLE_SECONDS = 0.5
MAX_GB = 8.0


class Memory:
    """The greatest sum of resident memory of a process and all below it, in GB. Shared pages count for each."""

    def __init__(self) -> None:
        self.peak = 0.0
        self._done = threading.Event()

    @contextmanager
    def watched(self) -> Iterator[None]:
        watcher = threading.Thread(target=self._watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            self._done.set()
            watcher.join()

    def _watch(self) -> None:
        while not self._done.wait(SAMPLE_SECONDS):
            self.peak = max(self.peak, resident(os.getpid()))


def resident(root: int) -> float:
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,rss="], capture_output=True, text=True, check=True).stdout
    processes = [tuple(map(int, line.split())) for line in listed.splitlines()]
    family = {root}
    while grown := {pid for pid, parent, _ in processes if parent in family} - family:
        family |= grown
    return sum(kilobytes for pid, _, kilobytes in processes if pid in family) / 2**20


def write_rows(data: Path, path: Path, rows: int) -> None:
    """The rows of the data file over and over."""
    header, *lines = data.read_text().splitlines(keepends=True)
    with path.open("w") as file:
        file.write(header)
        file.writelines(itertools.islice(itertools.cycle(lines), rows))


def million_rows(data: Path, rows: int = ROWS) -> dict[str, float]:
    """Raises AssertionError when a row is lost, or when it takes more memory than it may."""
    quiet, memory = Console(quiet=True), Memory()
    with (
        tempfile.TemporaryDirectory() as folder,
        local.deployed(stage="dev", console=quiet, watch=local.Stopwatch()) as here,
    ):
        sent = upload(here.target, model=MODEL, file=data)
        trained = follow(here.target, model=MODEL, run_id=sent.run_id, console=quiet, timeout=600)
        raise_for_failure(here.target, trained)
        file, to = Path(folder) / "rows.csv", Path(folder) / "predictions.csv"
        write_rows(data, file, rows)
        begin = time.perf_counter()
        with memory.watched():
            result = run(here.target, model=MODEL, file=file, to=to, console=quiet, alive=here.cloud.check)
        seconds = time.perf_counter() - begin
        with to.open("rb") as opened:
            lines = sum(1 for _ in opened)
    assert (result["rows"], result["bad_rows"], lines) == (rows, 0, rows + 1)
    assert memory.peak <= MAX_GB
    return {
        "rows": rows,
        "seconds": round(seconds, 1),
        "transform_seconds": result["seconds"],
        "rows_per_second": round(rows / seconds),
        "peak_gb": round(memory.peak, 2),
    }
