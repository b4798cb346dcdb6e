"""The quality that a model.toml gives, without the luck of one split: test RMSE for five split salts, as JSON lines.

The split is that of etl/splits.py and the trees are grown by the pipeline's own steps/fitting.py. Medians, fences,
means and deviations are a numpy replica of what the Glue job computes, for a file without rejected rows.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[0:1] = [str(ROOT), str(ROOT / "assets" / "shared" / "python"), str(ROOT / "assets" / "pipeline")]
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"

import numpy as np  # noqa: E402  (paths and threads come first)
import xgboost  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

import inference  # noqa: E402
from benchmarks.floor import MODEL, served  # noqa: E402
from cli.data import find_data  # noqa: E402
from contract import Contract, Recipe, load  # noqa: E402
from contract.identity import RowIdentity  # noqa: E402
from steps.dataset import Rows  # noqa: E402
from steps.fitting import fit, useful_threads  # noqa: E402
from steps.hyperparameters import Hyperparameters, parameters_of  # noqa: E402

# Named before anything was tuned; the first one ships.
SALTS = tuple(f"california-housing-{number}" for number in range(1, 6))

Texts = tuple[str, ...]
Numbers = dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Score:
    """Of one split. The validation score is of trees fitted on train rows, the test score of the model that ships."""

    rows: dict[str, int]
    rounds: int
    validation_rmse: float
    test_rmse: float
    train_seconds: float
    one_row_ms: float


def read(path: Path, contract: Contract) -> list[Texts]:
    """Distinct rows: the trimmed text of each column of the contract."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        return list(dict.fromkeys(tuple(row[name].strip() for name in contract.columns) for row in rows))


def split(rows: Sequence[Texts], contract: Contract) -> dict[str, list[Texts]]:
    """Each side in the order in which the pipeline trains: by row id, then target."""
    identity = RowIdentity.under(contract)
    keys = sorted((identity.row_id(row[:-1]), row) for row in rows)
    test, validation = _bound(contract.split.test), _bound(contract.split.test + contract.split.validation)
    return {
        "train": [row for key, row in keys if key[:8] >= validation],
        "validation": [row for key, row in keys if test <= key[:8] < validation],
        "test": [row for key, row in keys if key[:8] < test],
    }


def values_of(rows: Sequence[Texts], contract: Contract) -> dict[str, list[float | str | None]]:
    columns = dict(zip(contract.columns, zip(*rows, strict=True), strict=True))
    return {
        feature.name: [text if feature.type == "category" else float(text) if text else None for text in column]
        for feature, column in ((feature, columns[feature.name]) for feature in contract.features)
    }


def fitted(rows: Sequence[Texts], contract: Contract) -> tuple[Recipe, NDArray[np.bool_]]:
    """From train rows: the recipe, and which of them lie inside the fences."""
    raw, impute, numbers = values_of(rows, contract), dict[str, float](), Numbers()
    for feature in contract.numeric:
        numbers[feature.name] = np.array(raw[feature.name], dtype=float)
        if feature.nullable:
            _impute(feature.name, numbers, impute)
    for derived in contract.derived:
        numbers[derived.name] = derived.expression.evaluate(numbers)
        _impute(derived.name, numbers, impute)
    fences, kept = {}, np.ones(len(rows), dtype=bool)
    for name in contract.outliers.columns:
        low, high = np.quantile(numbers[name], [0.25, 0.75])
        margin = contract.outliers.factor * (high - low)
        fences[name] = (float(low - margin), float(high + margin))
        kept &= (numbers[name] >= fences[name][0]) & (numbers[name] <= fences[name][1])
    mean = {name: float(column[kept].mean()) for name, column in numbers.items()}
    std = {name: float(column[kept].std(ddof=1)) for name, column in numbers.items()}
    return Recipe.fitted(contract, impute=impute, fences=fences, mean=mean, std=std), kept


def scored(rows: Sequence[Texts], contract: Contract) -> Score:
    sides = split(rows, contract)
    recipe, kept = fitted(sides["train"], contract)
    sides["train"] = [row for row, keep in zip(sides["train"], kept, strict=True) if keep]
    data = {
        name: Rows(recipe.apply_columns(values_of(side, contract)), np.array([float(row[-1]) for row in side]))
        for name, side in sides.items()
    }
    training = contract.training
    settings = Hyperparameters(
        rounds=training.rounds,
        early_stopping_rounds=training.early_stopping_rounds,
        seed=training.seed,
        refit=training.refit,
        parameters=dict(sorted(training.parameters.items())),
    )
    parameters = parameters_of(contract, settings, threads=useful_threads(data["train"], os.cpu_count() or 1))
    begin = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        fitted_model = fit(data["train"], data["validation"], recipe, settings, parameters)
    seconds = time.perf_counter() - begin
    booster = fitted_model.booster
    errors = booster.inplace_predict(data["test"].inputs) - data["test"].target
    return Score(
        rows={name: len(side) for name, side in sides.items()} | {"fitted": fitted_model.rows},
        rounds=booster.num_boosted_rounds(),
        validation_rmse=round(fitted_model.score, 1),
        test_rmse=round(float(np.sqrt(np.mean(errors**2))), 1),
        train_seconds=round(seconds, 2),
        one_row_ms=round(_one_row_ms(booster, recipe, values_of(sides["test"], contract)), 3),
    )


def _one_row_ms(booster: xgboost.Booster, recipe: Recipe, values: Mapping[str, Sequence[float | str | None]]) -> float:
    """Median of a raw test record to a price, through the served code, on one thread."""
    records = [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
    with tempfile.TemporaryDirectory() as folder:
        model, taken = served(recipe, booster, Path(folder)), list[float]()
    for record in records[:500]:
        begin = time.perf_counter()
        inference.predict_fn([record], model)
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken) * 1e3


def _impute(name: str, numbers: Numbers, impute: dict[str, float]) -> None:
    impute[name] = float(np.nanmedian(numbers[name]))
    numbers[name] = np.where(np.isnan(numbers[name]), impute[name], numbers[name])


def _bound(share: float) -> str:
    return format(min(round(share * 16**8), 16**8 - 1), "08x")


def main() -> None:
    data, shipped = find_data("california_housing", None), load(MODEL)
    rows, scores = read(data.path, shipped), list[Score]()
    for salt in SALTS:
        score = scored(rows, replace(shipped, split=replace(shipped.split, salt=salt)))
        scores.append(score)
        sys.stdout.write(json.dumps({"salt": salt, **vars(score)}) + "\n")
        sys.stdout.flush()
    means = {
        f"mean_{name}": round(statistics.mean(getattr(score, name) for score in scores), 1)
        for name in ("validation_rmse", "test_rmse")
    }
    sys.stdout.write(json.dumps({"data": data.origin, **means}) + "\n")


if __name__ == "__main__":
    main()
