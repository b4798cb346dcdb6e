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

ROOT = Path(__file__).resolve().parent.parent
sys.path[0:1] = [str(ROOT), str(ROOT / "assets" / "shared" / "python"), str(ROOT / "assets" / "pipeline")]

from benchmarks.etl import LEVELS, MODEL, SMALL, measured  # noqa: E402  (the paths come first)
from contract import Recipe, load  # noqa: E402
from tests.widened import numbers_of, widened, write_side  # noqa: E402

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
    return widened(load(MODEL), levels)


def write(folder: Path, recipe: Recipe, rows: int, seed: int) -> None:
    """A side as Prepare leaves it: the target hangs on numbers and on the level."""
    random = np.random.default_rng(seed)
    levels = len(recipe.contract.categorical[0].levels)
    codes = random.integers(0, levels, rows)
    effects = np.random.default_rng(100).normal(size=levels)
    numbers = random.normal(size=(rows, len(numbers_of(recipe))))
    target = 2e5 + 5e4 * numbers[:, 0] + 3e4 * numbers[:, 1] * numbers[:, 2] + 4e4 * effects[codes]
    write_side(folder, recipe, numbers, codes, target)


def main(levels: str, folder: str) -> None:
    from steps.dataset import read_compact
    from steps.fitting import fit
    from steps.hyperparameters import hyperparameters_of, parameters_of

    recipe = recipe_of(int(levels))
    options = ["--rounds", ROUNDS, "--early_stopping_rounds", "50", "--seed", "7", "--refit", "true", "--eta", "0.1"]
    wanted = hyperparameters_of([*options, "--max_depth", "6"])
    training, validation = (read_compact(Path(folder) / side, recipe) for side in ROWS)
    fit(training, validation, recipe, wanted, parameters_of(recipe.contract, wanted, threads=1))
    used = resource.getrusage(resource.RUSAGE_SELF)
    sys.stdout.write(json.dumps({"cpu": time.process_time(), "mb": used.ru_maxrss / 1024}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:3])
