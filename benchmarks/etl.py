"""The ETL job against a script with pandas that does the same work: ratios of processor time and of peak memory."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import etl_data

ROOT = Path(__file__).resolve().parent.parent
MODEL = ROOT / "tests" / "data" / "example" / "california_housing" / "model.toml"
PARITY = ROOT / ".venv-parity" / "bin" / "python"
SMALL, MIDDLE, LARGE = 20_000, 200_000, 2_000_000
LEVELS = 3_248


@dataclass(frozen=True)
class Cost:
    """Of a process: seconds of the processor, and the most memory it had."""

    cpu: float
    mb: float
    log: str = ""

    def over(self, other: Cost) -> dict[str, float]:
        return {"cpu": round(self.cpu / other.cpu, 2), "memory": round(self.mb / other.mb, 2)}


def etl(data: Path) -> dict[str, Any]:
    """Everything in one run; Spark where `./dev test --slow` has made its environment."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = {rows: folder / f"{rows}.csv" for rows in (SMALL, MIDDLE, LARGE)}
        for rows, path in files.items():
            etl_data.write(data, path, rows)
        ours = {rows: job(files[rows], MODEL, folder) for rows in (MIDDLE, LARGE)}
        script = {rows: pandas(files[rows], folder) for rows in (MIDDLE, LARGE)}
        found: dict[str, Any] = {
            f"{rows}_rows": {"cpu_seconds": round(ours[rows].cpu, 1), "mb": round(ours[rows].mb)}
            | {"script_cpu_seconds": round(script[rows].cpu, 1), "script_mb": round(script[rows].mb)}
            | {"ratio": ours[rows].over(script[rows])}
            for rows in ours
        }
        found["growth"] = ours[LARGE].over(ours[MIDDLE])
        found[f"{LEVELS}_levels"] = levels(data, folder).over(job(files[SMALL], MODEL, folder))
        found["spark"] = on_spark(files, folder) if PARITY.is_file() else "no environment: ./dev test --slow makes it"
    return found


def job(data: Path, model: Path, folder: Path, engine: str = "duckdb", python: str = sys.executable) -> Cost:
    place = folder / "job"
    answer = measured([python, "-m", "benchmarks.etl_job", engine, str(model), str(data), str(place)])
    shutil.rmtree(place)
    return answer


def pandas(data: Path, folder: Path) -> Cost:
    place = folder / "script"
    place.mkdir()
    answer = measured([sys.executable, "-m", "benchmarks.etl_pandas", str(MODEL), str(data), str(place)])
    shutil.rmtree(place)
    return answer


def levels(data: Path, folder: Path) -> Cost:
    """The job for a category with thousands of levels."""
    path, model = folder / "levels.csv", folder / "model.toml"
    words = [f"district {number}" for number in range(LEVELS)]
    etl_data.write(data, path, SMALL, words=words)
    text = MODEL.read_text()
    start = text.index("levels = ", text.index("ocean_proximity = "))
    end = text.index("]", start) + 1
    model.write_text(
        f"{text[:start]}levels = {json.dumps(words)}{text[end:]}".replace('"INLAND" }', f'"{words[0]}" }}')
    )
    return job(path, model, folder)


def on_spark(files: dict[int, Path], folder: Path) -> dict[str, Any]:
    small, middle = (job(files[rows], MODEL, folder, "spark", str(PARITY)) for rows in (SMALL, MIDDLE))
    return {
        "cpu_seconds": {SMALL: round(small.cpu, 1), MIDDLE: round(middle.cpu, 1)},
        "growth": round(middle.cpu / small.cpu, 2),
        "grows beyond 64 KB": small.log.count("64 KB") + middle.log.count("64 KB"),
    }


def measured(command: Sequence[str]) -> Cost:
    """The process says itself what it took, in its last line."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stderr)
        done.check_returncode()
    said = json.loads(done.stdout.splitlines()[-1])
    return Cost(said["cpu"], said["mb"], done.stderr)
