"""The least that does the work: one process, pandas and XGBoost, no platform. What the platform is measured against."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT / "assets" / "shared" / "python") not in sys.path:
    sys.path.append(str(ROOT / "assets" / "shared" / "python"))
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np  # noqa: E402  (thread policy comes first)
import pandas as pd  # noqa: E402
import xgboost  # noqa: E402

from contract import Contract, Recipe, load  # noqa: E402

MODEL = ROOT / "tests" / "data" / "example" / "california_housing" / "model.toml"


def fitted(frame: pd.DataFrame, contract: Contract) -> Recipe:
    """Medians, means and deviations of all rows; no fences."""
    numbers = {feature.name: frame[feature.name].to_numpy(float) for feature in contract.numeric}
    impute = {
        feature.name: float(np.nanmedian(numbers[feature.name])) for feature in contract.numeric if feature.nullable
    }
    for name, value in impute.items():
        numbers[name] = np.where(np.isnan(numbers[name]), value, numbers[name])
    for derived in contract.derived:
        column = derived.expression.evaluate(numbers)
        impute[derived.name] = float(np.nanmedian(column))
        numbers[derived.name] = np.where(np.isnan(column), impute[derived.name], column)
    return Recipe.fitted(
        contract,
        impute=impute,
        fences={},
        mean={name: float(values.mean()) for name, values in numbers.items()},
        std={name: float(values.std(ddof=1)) for name, values in numbers.items()},
    )


def trained(data: Path) -> tuple[Recipe, xgboost.Booster, float]:
    """Recipe, model and test RMSE (in the unit of the target) of the file."""
    contract, frame = load(MODEL), pd.read_csv(data)
    recipe = fitted(frame, contract)
    inputs = recipe.apply_columns({feature.name: frame[feature.name].tolist() for feature in contract.features})
    target = frame[contract.target.name].to_numpy(float)
    part = np.random.default_rng(7).choice(3, len(frame), p=[0.64, 0.16, 0.20])
    train, validation = (xgboost.DMatrix(inputs[part == n], label=target[part == n]) for n in (0, 1))
    parameters = {**contract.training.parameters, "tree_method": "hist", "seed": contract.training.seed}
    booster = xgboost.train(
        parameters,
        train,
        contract.training.rounds,
        evals=[(validation, "validation")],
        early_stopping_rounds=contract.training.early_stopping_rounds,
        verbose_eval=False,
    )
    if contract.training.refit:
        both = xgboost.DMatrix(inputs[part < 2], label=target[part < 2])
        booster = xgboost.train(parameters, both, booster.best_iteration + 1)
    errors = booster.inplace_predict(inputs[part == 2]) - target[part == 2]
    return recipe, booster, float(np.sqrt(np.mean(errors**2)))


def packaged_model(data: Path, folder: Path) -> tuple[Any, dict[str, Any], Any]:
    """The model as serving loads it, a raw record, and the same record as the booster's own input row."""
    recipe, booster, _ = trained(data)
    record = {feature.name: feature.default for feature in recipe.contract.features}
    return served(recipe, booster, folder), record, recipe.apply([record])


def served(recipe: Recipe, booster: xgboost.Booster, folder: Path) -> Any:
    """The model of serving, by way of its files in `folder`."""
    import inference
    from trees import save_trees

    save_trees(booster, folder)
    (folder / "recipe.json").write_text(recipe.to_json())
    (folder / "manifest.json").write_text('{"run_id": "benchmark"}')
    return inference.model_fn(str(folder))


def booster_of(model: Any) -> xgboost.Booster:
    booster: xgboost.Booster = model.trees.booster
    return booster


if __name__ == "__main__":
    sys.stdout.write(f"test RMSE {trained(Path(sys.argv[1]))[2]:.0f}\n")
