"""Prediction intervals: as wide as errors on unseen rows are, and honest about how many true values they hold."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import inference
import interval
from contract import Contract, Recipe
from steps.dataset import read_rows
from tests.unit.pipeline.conftest import HYPERPARAMETERS, train_in
from tests.unit.pipeline.factory import Row, synthetic_rows, write_dataset


def _without_target(rows: list[Row], contract: Contract) -> list[Row]:
    return [{name: value for name, value in row.items() if name != contract.target.name} for row in rows]


def noisy(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """True values and predictions; errors are a tenth of what is predicted."""
    random = np.random.default_rng(seed)
    predicted = random.uniform(100, 1000, rows)
    return predicted * (1 + random.normal(0, 0.1, rows)), predicted


def test_nine_of_ten_new_values_lie_inside_in_every_band() -> None:
    found = interval.fit(*noisy(4000, seed=1))
    assert found is not None
    actual, predicted = noisy(20_000, seed=2)
    assert interval.coverage(found, actual, predicted) == pytest.approx(0.9, abs=0.015)
    for low, high in ((100, 280), (280, 460), (460, 640), (640, 820), (820, 1000)):
        part = (predicted >= low) & (predicted < high)
        assert interval.coverage(found, actual[part], predicted[part]) == pytest.approx(0.9, abs=0.03)


def test_larger_errors_make_wider_intervals() -> None:
    found = interval.fit(*noisy(4000, seed=1))
    assert found is not None
    assert found.widths == sorted(found.widths)
    assert found.widths[0] == pytest.approx(0.1 * 1.645 * 190, rel=0.2)
    assert found.of(500.0) == (500.0 - found.widths[2], 500.0 + found.widths[2])


def test_the_quantile_counts_the_new_row() -> None:
    """Of 100 errors 1 to 100, at most a tenth of 101 may be larger: the 91st."""
    found = interval.fit(np.arange(1.0, 101.0), np.zeros(100))
    assert found is not None
    assert (found.edges, found.widths) == ([], [91.0])


def test_an_interval_stays_within_what_a_target_can_be() -> None:
    found = interval.Interval(level=0.9, edges=[], widths=[50.0], low=0.0, high=100.0)
    assert [found.of(value) for value in (20.0, 50.0, 80.0, -5.0)] == [
        (0.0, 70.0),
        (0.0, 100.0),
        (30.0, 100.0),
        (-5.0, 45.0),
    ]


@pytest.mark.parametrize(("rows", "bands"), [(99, None), (100, 1), (250, 2), (5000, 5)])
def test_few_rows_make_few_bands(rows: int, bands: int | None) -> None:
    found = interval.fit(*noisy(rows, seed=3))
    assert (len(found.widths) if found else None) == bands


def test_predictions_of_few_leaves_do_not_make_empty_bands() -> None:
    predicted = np.repeat([1.0, 2.0], [990, 10])
    found = interval.fit(predicted + np.tile([-1.0, 1.0], 500), predicted)
    assert found is not None
    assert (found.edges, found.widths) == ([], [1.0])


@pytest.mark.parametrize("refit", ["false", "true"])
def test_what_training_keeps_holds_nine_of_ten_new_values(tmp_path: Path, contract: Contract, refit: str) -> None:
    """Of rows that neither trees nor early stopping saw. Errors on rows that trees were grown on would promise more."""
    import training_preprocessing

    (tmp_path / "data").mkdir()
    write_dataset(tmp_path / "data", contract, synthetic_rows(4000, contract, seed=4))
    arguments = ["--dataset", str(tmp_path / "data"), "--output", str(tmp_path / "prepared")]
    assert training_preprocessing.main([*arguments, "--contract-hash", contract.hash]) == 0
    options = [*HYPERPARAMETERS, "--refit", refit]
    status, folder = train_in(tmp_path, tmp_path / "prepared", hyperparameters=options)
    assert status == 0
    model, rows = inference.model_fn(str(folder)), synthetic_rows(4000, contract, seed=99)
    assert model.interval is not None
    actual = np.array([row[contract.target.name] for row in rows], dtype=float)
    predicted = np.array(inference.predict_fn(_without_target(rows, contract), model).values, dtype=float)
    assert interval.coverage(model.interval, actual, predicted) == pytest.approx(0.9, abs=0.03)


def test_the_evaluation_counts_on_the_test_rows(evaluated: Path, model_dir: Path, prepared: Path) -> None:
    recipe = Recipe.from_json((model_dir / "recipe.json").read_text())
    model, rows = inference.model_fn(str(model_dir)), read_rows(prepared / "test", recipe)
    assert model.interval is not None
    held = [
        low <= truth <= high
        for truth, value in zip(rows.target, model.trees.booster.inplace_predict(rows.inputs), strict=True)
        for low, high in [model.interval.of(float(value))]
    ]
    evaluation = json.loads((evaluated / "evaluation.json").read_text())
    assert evaluation["prediction_interval"] == {"level": 0.9, "coverage": pytest.approx(np.mean(held))}
    assert "of test rows lie in their 90 % interval" in (evaluated / "report.html").read_text()


def test_answers_carry_it(model_dir: Path, contract: Contract) -> None:
    model = inference.model_fn(str(model_dir))
    prediction = inference.predict_fn(_without_target(synthetic_rows(1, contract, seed=4), contract), model)
    (answer,) = json.loads(inference.output_fn(prediction, "*/*")[0])["predictions"]
    assert model.interval is not None
    low, high = model.interval.of(answer["value"])
    assert answer["interval"] == {"low": low, "high": high, "level": 0.9}
    assert low < answer["value"] < high
