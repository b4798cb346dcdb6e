"""A category of many levels: trained on without its zeros, which stay zeros and are never missing."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import xgboost

from contract import Contract, Recipe
from steps import dataset, fitting
from steps.hyperparameters import hyperparameters_of, parameters_of
from steps.trained import TrainedModel
from tests.unit.pipeline.conftest import HYPERPARAMETERS, evaluate_into, train_in
from tests.unit.pipeline.factory import crown, pack, synthetic_rows, write_dataset
from tests.widened import numbers_of, widened, write_side
from trees import load_trees, save_trees

LEVELS = 80


@pytest.fixture(scope="module")
def many(contract: Contract) -> Recipe:
    """A category of more levels than a dense matrix is made for."""
    return widened(contract, LEVELS, nullable=True)


answer = TrainedModel.predict


def trained_otherwise(packed: Path, folder: Path) -> Path:
    """The same model with another time in it: a champion that is compared."""
    with tarfile.open(packed / "model.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    recipe = json.loads((folder / "recipe.json").read_text())
    (folder / "recipe.json").write_text(json.dumps(recipe, indent=3))
    return pack(folder, folder.with_name("crowned"))


def write_many(folder: Path, recipe: Recipe, rows: int, seed: int) -> None:
    """Numbers of which a third are 0, and rows without a level."""
    generator = np.random.default_rng(seed)
    shape = (rows, len(numbers_of(recipe)))
    numbers = generator.choice([-1.0, 0.0, 1.0], shape) * generator.uniform(0.5, 2, shape)
    codes = generator.integers(-5, LEVELS, rows)
    effects = np.random.default_rng(0).normal(size=LEVELS + 1)
    target = 2e5 + 3e4 * (numbers[:, 0] == 0) + 2e4 * effects[np.maximum(codes, -1)] + 1e4 * numbers[:, 1]
    write_side(folder, recipe, numbers, codes, target)


@pytest.mark.parametrize("refit", ["true", "false"])
def test_many_levels_are_trained_on_without_their_zeros_and_zeros_stay_zeros(
    tmp_path: Path, many: Recipe, refit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for side, rows in (("train", 1500), ("validation", 400)):
        write_many(tmp_path / side, many, rows, rows)
    options = [*HYPERPARAMETERS, "--refit", refit]
    hyperparameters = hyperparameters_of(options)
    parameters = parameters_of(many.contract, hyperparameters, threads=1)

    def fitted() -> fitting.Fitted:
        training, validation = (dataset.read_compact(tmp_path / side, many) for side in ("train", "validation"))
        return fitting.fit(training, validation, many, hyperparameters, parameters)

    sparse_rows, dense_rows = (
        dataset.read_compact(tmp_path / "train", many),
        dataset.read_rows(tmp_path / "train", many),
    )
    assert not isinstance(sparse_rows.inputs, np.ndarray)
    assert (sparse_rows.inputs.toarray() == dense_rows.inputs).all()
    # Zeros among the numbers are held: what is not held is missing to XGBoost.
    numbers = len(many.columns) - LEVELS
    assert sparse_rows.inputs.nnz == 1500 * numbers + int(dense_rows.inputs[:, dataset.level_places(many)].sum())
    sparse = fitted()
    monkeypatch.setattr(dataset, "MANY_LEVELS", LEVELS + 1)
    dense = fitted()
    assert sparse.score == pytest.approx(dense.score, rel=1e-6)
    for rows in (dense_rows.inputs, dataset.read_rows(tmp_path / "validation", many).inputs):
        wanted = dense.booster.inplace_predict(rows)
        np.testing.assert_allclose(sparse.booster.inplace_predict(rows), wanted, rtol=1e-6)
        found = sparse.booster.predict(xgboost.DMatrix(rows), validate_features=False)
        np.testing.assert_allclose(found, wanted, rtol=1e-6)
        parts = sparse.booster.predict(xgboost.DMatrix(rows), pred_contribs=True, validate_features=False)
        np.testing.assert_allclose(parts.sum(axis=1), wanted, rtol=1e-5)
    # A zero that is not held goes the same way.
    np.testing.assert_array_equal(
        sparse.booster.inplace_predict(sparse_rows.inputs), sparse.booster.inplace_predict(dense_rows.inputs)
    )
    used = sparse.booster.get_score(importance_type="weight")
    assert any(name.startswith("ocean_proximity") for name in used), used


def test_the_model_of_many_levels_is_packed_and_read_as_others_are(tmp_path: Path, many: Recipe) -> None:
    for side, rows in (("train", 1500), ("validation", 400)):
        write_many(tmp_path / side, many, rows, rows)
    hyperparameters = hyperparameters_of([*HYPERPARAMETERS])
    parameters = parameters_of(many.contract, hyperparameters, threads=1)
    training, validation = (dataset.read_compact(tmp_path / side, many) for side in ("train", "validation"))
    fitted = fitting.fit(training, validation, many, hyperparameters, parameters)
    save_trees(fitted.booster, tmp_path)
    trees = load_trees(tmp_path)
    inputs = dataset.read_rows(tmp_path / "validation", many).inputs
    one_by_one = np.concatenate([trees.predict(inputs[place : place + 1]) for place in range(40)])
    np.testing.assert_array_equal(one_by_one, trees.predict(inputs)[:40])
    assert fitted.booster.num_boosted_rounds() == trees.booster.num_boosted_rounds()
    assert trees.booster.feature_names == [column.name for column in many.columns]


def test_many_levels_go_the_whole_way(tmp_path: Path, many: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prepared, trained, evaluated and served: an answer is the same for one row as for all of them."""
    import inference
    import training_preprocessing

    wide = many.contract
    write_dataset(tmp_path / "dataset", wide, synthetic_rows(900, wide))
    folders = ["--dataset", str(tmp_path / "dataset"), "--output", str(tmp_path / "prepared")]
    assert training_preprocessing.main([*folders, "--contract-hash", wide.hash]) == 0
    status, model = train_in(tmp_path, tmp_path / "prepared")
    assert status == 0
    assert evaluate_into(tmp_path / "evaluated", pack(model, tmp_path / "packed"), tmp_path / "prepared") == 0
    evaluation = json.loads((tmp_path / "evaluated" / "evaluation.json").read_text())
    assert evaluation["gate"]["value"] < 60_000
    golden = json.loads((tmp_path / "evaluated" / "golden.json").read_text())
    served = inference.model_fn(str(model))
    apart = [served.trees.predict(served.recipe.apply([record]))[0] for record in golden["instances"]]
    np.testing.assert_allclose(apart, golden["predictions"], rtol=1e-6)
    # The test rows are never one array: some rows at a time, and as a whole without their zeros.
    packed, seen = tmp_path / "packed", []
    monkeypatch.setattr(dataset, "PIECE", 7 * len(many.columns))
    monkeypatch.setattr(dataset, "read_rows", None)
    monkeypatch.setattr(TrainedModel, "predict", lambda self, inputs: seen.append(len(inputs)) or answer(self, inputs))
    crowned = crown(tmp_path / "champion", trained_otherwise(packed, tmp_path / "other"))
    assert evaluate_into(tmp_path / "again", packed, tmp_path / "prepared", crowned) == 0
    again = json.loads((tmp_path / "again" / "evaluation.json").read_text())
    assert [again[name] for name in ("metrics", "slices", "rows")] == [
        evaluation[name] for name in ("metrics", "slices", "rows")
    ]
    assert max(seen) == 20, "the golden rows"
    assert seen.count(7) >= 2 * (evaluation["rows"] // 7)
    assert again["champion"]["difference"] == 0.0
