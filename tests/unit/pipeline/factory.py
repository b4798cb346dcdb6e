"""Data sets as the ETL job leaves them, fitted here with numpy so that the steps are tested without the job."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import tarfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import xgboost

from contract import Contract, Recipe
from contract.identity import RowIdentity
from contract.sides import copy_id, side_of

RUN_ID = "0123456789abcdef"
Row = Mapping[str, Any]


def synthetic_rows(count: int, contract: Contract, seed: int = 3) -> list[Row]:
    """Rows inside the bounds of California Housing, with a target that depends on them; some capped, some missing."""
    random = np.random.default_rng(seed)
    rows: list[Row] = []
    for _ in range(count):
        households = float(random.integers(50, 1500))
        rooms = households * random.uniform(3, 8)
        income = random.uniform(0.5, 12)
        level = str(random.choice(contract.categorical[0].levels))
        price = 40_000 * income + 8_000 * rooms / households + 60_000 * (level != "INLAND") + random.normal(0, 20_000)
        rows.append(
            {
                "longitude": round(random.uniform(-124, -114.5), 2),
                "latitude": round(random.uniform(32.6, 41.9), 2),
                "housing_median_age": float(random.integers(1, 52)),
                "total_rooms": round(rooms),
                "total_bedrooms": None if random.random() < 0.05 else round(rooms / 5) + 1,
                "population": households * 3,
                "households": households,
                "median_income": round(income, 4),
                "ocean_proximity": level,
                "median_house_value": float(np.clip(round(price), 15_000, 500_001)),
            }
        )
    return rows


def csv_rows(path: Path, contract: Contract) -> list[Row]:
    numbers = {feature.name for feature in contract.numeric} | {contract.target.name}
    with path.open() as file:
        return [
            {name: (float(text) if text else None) if name in numbers else text for name, text in row.items()}
            for row in csv.DictReader(file)
        ]


def write_dataset(folder: Path, contract: Contract, rows: Sequence[Row]) -> Recipe:
    """Two part files a split, in no order. Returns the recipe."""
    recipe, splits = _fit(contract, numbered(contract, rows))
    files = {split: _write_parts(folder, split, recipe, chosen) for split, chosen in splits.items()}
    files["raw_test"] = _write_raw(folder, contract, splits["test"])
    manifest = {
        "version": 1,
        "model": contract.name,
        "run_id": RUN_ID,
        "contract_hash": contract.hash,
        "source": {"bucket": "raw", "key": f"{contract.name}/housing.csv", "version": "v7", "etag": "e", "size": 1},
        "rows": {"read": len(rows), "rejected": 0, "replaced": 0, "dropped_equal": 0, "outliers": 0}
        | {split: len(chosen) for split, chosen in splits.items()},
        "equal_rows": len(rows) - len({tuple(row[name] for name in contract.columns) for row in rows}),
        "reasons": {},
        "files": files,
        "target": contract.target.name,
        "columns": [column.name for column in recipe.columns],
        "ignored_columns": sorted({*rows[0]} - {*contract.columns}),
        "created_at": "2025-01-01T00:00:00Z",
    }
    (folder / "recipe.json").write_text(recipe.to_json())
    (folder / "profile.json").write_text("{}")
    (folder / "manifest.json").write_text(json.dumps(manifest))
    seal(folder)
    return recipe


def seal(folder: Path) -> None:
    """The manifest promises the files as they are now."""
    paths = [path for path in folder.rglob("*") if path.suffix in (".parquet", ".json") and path.is_file()]
    sums = {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
    sums.pop("manifest.json")
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"sha256": sums}))


def row_id(contract: Contract, row: Row) -> str:
    values = [row[feature.name] for feature in contract.features]
    return RowIdentity.under(contract).row_id([float(value) if isinstance(value, int) else value for value in values])


def numbered(contract: Contract, rows: Sequence[Row]) -> list[Row]:
    """The rows with their ids: those of equal rows differ by their number."""
    seen: Counter[tuple[Any, ...]] = Counter()
    found: list[Row] = []
    for row in rows:
        values = tuple(row[name] for name in contract.columns)
        seen[values] += 1
        found.append({**row, "row_id": copy_id(row_id(contract, row), seen[values])})
    return found


def _fit(contract: Contract, rows: Sequence[Row]) -> tuple[Recipe, dict[str, list[Row]]]:
    splits: dict[str, list[Row]] = {"test": [], "validation": [], "train": []}
    for row in rows:
        splits[side_of(row["row_id"], contract.split)].append(row)
    numbers = {
        feature.name: np.array([row[feature.name] for row in splits["train"]], dtype=float)
        for feature in contract.numeric
    }
    impute = {}
    for feature in contract.numeric:
        if feature.nullable:
            impute[feature.name] = float(np.nanmedian(numbers[feature.name]))
            numbers[feature.name] = np.nan_to_num(numbers[feature.name], nan=impute[feature.name])
    for derived in contract.derived:
        values = derived.expression.evaluate(numbers)
        impute[derived.name] = float(np.nanmedian(values))
        numbers[derived.name] = np.nan_to_num(values, nan=impute[derived.name])
    recipe = Recipe.fitted(
        contract,
        impute=impute,
        fences={},
        mean={name: float(values.mean()) for name, values in numbers.items()},
        std={name: float(values.std(ddof=1)) for name, values in numbers.items()},
    )
    return recipe, splits


def _write_raw(folder: Path, contract: Contract, rows: Sequence[Row]) -> list[str]:
    types = {item.name: pa.float64() if item.type == "number" else pa.string() for item in contract.features}
    (folder / "raw" / "test").mkdir(parents=True)
    keys = []
    for part, chosen in enumerate((slice(0, None, 3), slice(1, None, 3), slice(2, None, 3))):
        columns = {name: pa.array([row[name] for row in rows[chosen]], kind) for name, kind in types.items()}
        ids = pa.array([row["row_id"] for row in rows[chosen]], pa.string())
        pq.write_table(pa.table({"row_id": ids, **columns}), folder / "raw" / "test" / f"part-{part}.parquet")
        keys.append(f"{contract.name}/run={RUN_ID}/raw/test/part-{part}.parquet")
    return keys


def pack(model: Path, folder: Path) -> Path:
    """model.tar.gz in `folder`, as SageMaker packs a model. Returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(folder / "model.tar.gz", "w:gz") as archive:
        archive.add(model, arcname=".")
    return folder


def crown(folder: Path, packed: Path | None = None, *, version: int = 3) -> Path:
    """What start_training puts where the evaluation looks for the champion. Returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    champion = None
    if packed:
        shutil.copyfile(packed / "model.tar.gz", folder / "model.tar.gz")
        champion = {"model_version": version, "model_package_arn": "arn", "run_id": RUN_ID, "contract_hash": "c"}
    (folder / "champion.json").write_text(json.dumps({"version": 1, "champion": champion}))
    return folder


def _write_parts(folder: Path, split: str, recipe: Recipe, rows: Sequence[Row]) -> list[str]:
    (folder / split).mkdir(parents=True)
    contract = recipe.contract
    matrix = recipe.apply(rows)
    keys = []
    for part, chosen in enumerate((slice(1, None, 2), slice(0, None, 2))):
        columns = {
            "row_id": [row["row_id"] for row in rows[chosen]],
            contract.target.name: [float(row[contract.target.name]) for row in rows[chosen]],
            **{
                column.name: matrix[chosen, index]
                for index, column in enumerate(recipe.columns)
                if column.kind != "level"
            },
            **{
                item.name: pa.array([row[item.name] for row in rows[chosen]], pa.string())
                for item in contract.categorical
            },
        }
        pq.write_table(pa.table(columns), folder / split / f"part-{part}.parquet")
        keys.append(f"{contract.name}/run={RUN_ID}/{split}/part-{part}.parquet")
    return keys


def matrix_of(table: Any, recipe: Recipe) -> xgboost.DMatrix:
    """Model inputs out of a frame of a data set, by other means than the steps'."""
    columns = [
        table[column.source] == column.level if column.kind == "level" else table[column.name]
        for column in recipe.columns
    ]
    return xgboost.DMatrix(np.column_stack(columns).astype(float), feature_names=[c.name for c in recipe.columns])
