"""Trees: few rows get the answers of XGBoost, for every objective, with missing values and numbers of any size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from contract.tasks import TASKS
from trees import FEW, Trees, load_trees, save_trees

COLUMNS = 5
OBJECTIVES = [objective for task in TASKS.values() for objective in task.objectives]
SHAPES = [{"num_parallel_tree": 3, "subsample": 0.7}, {"gamma": 0.5}, {"grow_policy": "lossguide", "max_leaves": 20}]


def rows_of(count: int, seed: int) -> NDArray[np.float64]:
    """A tenth of the values is missing; some are shared by many rows, so that they meet thresholds."""
    random = np.random.default_rng(seed)
    rows = np.where(random.random((count, COLUMNS)) < 0.5, random.normal(size=(count, COLUMNS)), 0.1)
    rows[:, 1] = random.integers(0, 4, count)
    rows[random.random((count, COLUMNS)) < 0.1] = np.nan
    return rows


def grown(folder: Path, objective: str, shape: dict[str, object]) -> Trees:
    inputs = rows_of(800, seed=1)
    signal = np.nansum(inputs[:, :3], axis=1) + np.random.default_rng(2).normal(size=len(inputs))
    target = signal > 2 if objective == "binary:logistic" else signal
    matrix = xgboost.QuantileDMatrix(inputs, label=target.astype(float), feature_names=list("abcde"))
    parameters = {"objective": objective, "max_depth": 6, "eta": 0.3, "seed": 3, "nthread": 1, **shape}
    save_trees(xgboost.train(parameters, matrix, 30), folder)
    return load_trees(folder)


@pytest.fixture(scope="module", params=[(name, shape) for name in OBJECTIVES for shape in SHAPES], ids=str)
def trees(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trees:
    return grown(tmp_path_factory.mktemp("trees"), *request.param)


def check(trees: Trees, inputs: NDArray[np.float64]) -> None:
    expected = trees.booster.inplace_predict(inputs)
    found = trees.predict(inputs)
    assert (found.dtype, found.shape) == (np.float32, expected.shape)
    if trees.logistic:
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=0)
    else:
        assert found.tolist() == expected.tolist()


def test_few_rows_get_the_answers_of_xgboost(trees: Trees) -> None:
    inputs = rows_of(400, seed=4)
    for size in (1, 3, FEW, FEW + 1):
        for start in range(0, len(inputs) - size, 5 * size):
            check(trees, inputs[start : start + size])
    assert len(np.unique(trees.predict(inputs))) > 20


any_number = st.one_of(st.floats(), st.sampled_from([np.nan, 0.1, 0.0, 1.0, 3.5e38, -1e300]))


@settings(deadline=None, database=None)
@given(rows=st.lists(st.lists(any_number, min_size=COLUMNS, max_size=COLUMNS), min_size=1, max_size=FEW))
def test_no_number_is_too_strange(trees: Trees, rows: list[list[float]]) -> None:
    with np.errstate(over="ignore"):
        check(trees, np.array(rows))


def test_few_rows_do_not_take_the_slow_way(trees: Trees, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = rows_of(FEW + 1, seed=5)
    monkeypatch.setattr(xgboost.Booster, "inplace_predict", lambda *_: 1 / 0)
    assert len(trees.predict(inputs[:FEW])) == FEW
    with pytest.raises(ZeroDivisionError):
        trees.predict(inputs)


def test_a_probability_near_its_ends_is_finite(tmp_path: Path) -> None:
    inputs = np.array([[0.0], [1.0]] * 20)
    matrix = xgboost.DMatrix(inputs, label=inputs[:, 0])
    save_trees(
        xgboost.train({"objective": "binary:logistic", "eta": 1, "max_delta_step": 0, "lambda": 0}, matrix, 60),
        tmp_path,
    )
    trees = load_trees(tmp_path)
    wide = Trees(trees.booster, trees.leaves * np.float32(100), trees.base, logistic=True)
    low, high = wide.predict(inputs[:2])
    assert 0 < low < 1e-30
    assert high == 1
