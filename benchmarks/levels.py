"""Training with a category of thousands of levels against the same with five: ratios of processor time and memory.

python -m benchmarks.levels LEVELS FOLDER: the rows are read and trees grown in this process, which tells what it took.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parent.parent
sys.path[0:1] = [str(ROOT), str(ROOT / "assets" / "shared" / "python"), str(ROOT / "assets" / "pipeline")]

from benchmarks.etl import LEVELS, MODEL, SMALL, measured  # noqa: E402  (the paths come first)
from contract import Contract, Recipe, load  # noqa: E402

FEW, ROUNDS = 5, "100"
ROWS = {"train": SMALL * 64 // 100, "validation": SMALL * 16 // 100}


def many_levels(_data: Path) -> dict[str, Any]:
    cost = {}
    for levels in (FEW, LEVELS):
        with tempfile.TemporaryDirectory() as name:
            recipe = recipe_of(levels)
            for seed, (side, rows) in enumerate(ROWS.items()):
                write(Path(name) / side, recipe, rows, seed)
            cost[levels] = measured([sys.executable, "-m", "benchmarks.levels", str(levels), name])
    return {f"{levels}_levels_mb": round(found.mb) for levels, found in cost.items()} | {
        "ratio": cost[LEVELS].over(cost[FEW])
    }


def recipe_of(levels: int) -> Recipe:
    """Of the shipped contract with other levels. Its numbers stay as they are."""
    document = load(MODEL).to_dict()
    contract = Contract.from_dict(document)
    words = [f"district {number}" for number in range(levels)]
    features: dict[str, Any] = dict(document["features"])  # type: ignore[call-overload]
    for item in contract.categories:
        features[item.name] = {**features[item.name], "levels": words, "default": words[0]}
    wide = Contract.from_dict({**document, "features": features})
    numbers = [*(item.name for item in wide.numeric), *(item.name for item in wide.derived)]
    ones = dict.fromkeys(numbers, 1.0)
    return Recipe.fitted(wide, impute=ones, fences={}, mean=dict.fromkeys(numbers, 0.0), std=ones)


def write(folder: Path, recipe: Recipe, rows: int, seed: int) -> None:
    """A side as Prepare leaves it: the target hangs on numbers and on the level."""
    random = np.random.default_rng(seed)
    category = recipe.contract.categories[0]
    codes = random.integers(0, len(category.levels), rows)
    effects = np.random.default_rng(100).normal(size=len(category.levels))
    names = [column.source for column in recipe.columns if column.kind != "level"]
    numbers = random.normal(size=(rows, len(names)))
    target = 2e5 + 5e4 * numbers[:, 0] + 3e4 * numbers[:, 1] * numbers[:, 2] + 4e4 * effects[codes]
    words = pa.array([category.levels[code] for code in codes.tolist()])
    columns = dict(zip(names, numbers.T, strict=True))
    folder.mkdir(parents=True)
    pq.write_table(
        pa.table({recipe.contract.target.name: target, **columns, category.name: words}), folder / "data.parquet"
    )


def main(levels: str, folder: str) -> None:
    from steps.dataset import read_to_train
    from steps.fitting import fit
    from steps.hyperparameters import hyperparameters_of, parameters_of

    recipe = recipe_of(int(levels))
    options = ["--rounds", ROUNDS, "--early_stopping_rounds", "50", "--seed", "7", "--refit", "true", "--eta", "0.1"]
    wanted = hyperparameters_of([*options, "--max_depth", "6"])
    training, validation = (read_to_train(Path(folder) / side, recipe) for side in ROWS)
    fit(training, validation, recipe, wanted, parameters_of(recipe.contract, wanted, threads=1))
    used = resource.getrusage(resource.RUSAGE_SELF)
    sys.stdout.write(json.dumps({"cpu": time.process_time(), "mb": used.ru_maxrss / 1024}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:3])
