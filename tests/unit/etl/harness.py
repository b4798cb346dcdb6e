"""Runs the job in a worker process and reads what it wrote."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from contract import Contract, Recipe, contract_of

PROJECT = Path(__file__).resolve().parents[3]
BUNDLE = (PROJECT / "assets" / "glue", PROJECT / "assets" / "shared" / "python")
RUN_ID = "0123456789abcdef"
SPLITS = ("train", "validation", "test")
RAW = ("raw/train", "raw/validation", "raw/test")

SMALL: dict[str, Any] = {
    "model": {"name": "flats", "task": "regression", "description": "Flats of a small town"},
    "features": {
        "rooms": {"type": "number", "min": 0, "max": 1000, "default": 3},
        "beds": {"type": "number", "min": 0, "nullable": True, "default": 2},
        "people": {"type": "number", "min": 0, "default": 4},
        "town": {"type": "category", "levels": ["<1H A", "B, C", "D"], "default": "D"},
    },
    "target": {"name": "price", "unit": "EUR", "min": 0},
    "derived": {"per_person": "rooms / people", "share": "beds / rooms", "mixed": "per_person * 2 + share"},
    "outliers": {"columns": ["rooms", "per_person"], "factor": 3.0},
    "quality": {"min_rows": 8, "max_reject_share": 0.5},
    "split": {"train": 0.5, "validation": 0.25, "test": 0.25, "salt": "flats-1"},
    "training": {"rounds": 10, "early_stopping_rounds": 5, "seed": 1, "parameters": {"max_depth": 2}},
    "gate": {"metric": "rmse", "max": 1000.0},
    "serving": {"mode": "serverless"},
}
HEADER = ("rooms", "beds", "people", "town", "price")


def small_contract(**changes: Mapping[str, Any]) -> Contract:
    """SMALL, with keys of its tables replaced or added: small_contract(split={"salt": "other"})."""
    return contract_of({name: {**SMALL.get(name, {}), **changes.get(name, {})} for name in {**SMALL, **changes}})


def binary_contract(**changes: Mapping[str, Any]) -> Contract:
    """The same with a target of two levels."""
    tables = {**SMALL, "gate": {"metric": "auc", "min": 0.6}, "target": {"name": "sold", "levels": ["no", "yes"]}}
    tables["model"] = {**SMALL["model"], "task": "binary"}
    names = {**tables, **changes}
    return contract_of({name: {**tables.get(name, {}), **changes.get(name, {})} for name in names})


def csv_text(rows: Iterable[Sequence[object]], header: Sequence[str] = HEADER) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue()


def flats(count: int, *, seed: int = 1) -> list[list[str]]:
    """Rows without a fault."""
    rng = np.random.default_rng(seed)
    return [
        [
            f"{rng.uniform(10, 90):.2f}",
            "" if rng.random() < 0.1 else str(rng.integers(0, 9)),
            str(rng.integers(1, 7)),
            str(rng.choice(SMALL["features"]["town"]["levels"])),
            f"{rng.uniform(100, 900):.1f}",
        ]
        for _ in range(count)
    ]


def row_id(contract: Contract, fields: Sequence[str]) -> str:
    """What the specification says, written a second time: `fields` are the feature texts in contract order."""
    values = [
        text if feature.type == "category" or not text else str(float(text) or 0.0)
        for feature, text in zip(contract.features, fields, strict=True)
    ]
    return hashlib.md5((contract.split.salt + "\x1f".join(values)).encode(), usedforsecurity=False).hexdigest()


def numbered(ids: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The ids of rows: the first of equal rows keeps its own, the others are hashed with their number."""
    seen: Counter[tuple[str, float]] = Counter()
    found = []
    for identifier, row in zip(ids, rows, strict=True):
        same = (identifier, float(row[-1]))
        seen[same] += 1
        text = f"{identifier}#{seen[same]}".encode()
        found.append(identifier if seen[same] == 1 else hashlib.md5(text, usedforsecurity=False).hexdigest())
    return found


def side(contract: Contract, fields: Sequence[str]) -> str:
    place = int(row_id(contract, fields)[:8], 16) / 16**8
    if place < contract.split.test:
        return "test"
    return "validation" if place < contract.split.test + contract.split.validation else "train"


@dataclass(frozen=True)
class Outcome:
    """What a run answered and left below its prefix. `folder` stands for that prefix."""

    refused: str | None
    folder: Path

    def document(self, name: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.folder / name).read_text())
        return document

    @property
    def manifest(self) -> dict[str, Any]:
        assert self.refused is None, self.refused
        return self.document("manifest.json")

    @property
    def recipe(self) -> Recipe:
        return Recipe.from_json((self.folder / "recipe.json").read_text())

    @property
    def rejects(self) -> list[dict[str, Any]]:
        parts = sorted((self.folder / "rejects").glob("part-*.json"))
        return [json.loads(line) for part in parts for line in part.read_text().splitlines()]

    def table(self, split: str) -> pa.Table:
        parts = sorted((self.folder / split).glob("part-*"))
        return pa.concat_tables([pq.ParquetFile(part).read() for part in parts])

    def rows(self, split: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.table(split).to_pylist()
        return rows

    def bytes(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def files(self) -> set[str]:
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file()}


class Job:
    """A worker process. Use as a context manager."""

    def __init__(self, engine: str, python: str, *, log: IO[str] | None = None) -> None:
        command = [python, str(Path(__file__).with_name("worker.py")), engine]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)

    def __enter__(self) -> Job:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def run(self, data: str | bytes, root: Path, contract: Contract, *, model: str = "") -> Outcome:
        """Uploads `data` as f.csv and runs the job. `root` holds the buckets."""
        model = model or contract.name
        source = root / "raw" / model / "f.csv"
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_bytes(data.encode() if isinstance(data, str) else data)
        properties = {
            "model": model,
            "bucket": "raw",
            "key": f"{model}/f.csv",
            "version": "v7",
            "etag": "abc",
            "size": str(source.stat().st_size),
            "run_id": RUN_ID,
            "uploaded_at": "2026-01-01T00:00:00Z",
            "sequencer": "0055AED6DCD90281E5",
        }
        request = {"root": str(root), "properties": properties, "contracts": {contract.name: contract.to_dict()}}
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the worker ended; its traceback stands above"
        reply = json.loads(line)
        assert reply["failed"] is None, reply["failed"]
        return Outcome(reply["refused"], root / "processed" / model / f"run={RUN_ID}")
