"""Train: the same bytes for the same input, all that serving needs, and failures with a reason."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xgboost

import contract as contract_package
from contract import Contract, Recipe
from steps import fitting
from steps.dataset import Rows, inside_fences, read_rows
from steps.hyperparameters import hyperparameters_of, parameters_of
from tests.unit.pipeline.conftest import HYPERPARAMETERS, train_in


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_input_gives_the_same_bytes_with_any_threads(
    tmp_path: Path, prepared: Path, model_dir: Path, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "INPUTS_PER_THREAD", 100)
    status, again = train_in(tmp_path, prepared, threads=threads)
    assert status == 0
    assert bytes_of(again) == bytes_of(model_dir)


def test_another_seed_gives_another_model(tmp_path: Path, prepared: Path, model_dir: Path) -> None:
    changed = [value if value != "7" else "8" for value in HYPERPARAMETERS]
    _, other = train_in(tmp_path, prepared, hyperparameters=changed)
    assert (other / "model.ubj").read_bytes() != (model_dir / "model.ubj").read_bytes()


def test_the_model_holds_all_that_serving_needs(model_dir: Path, prepared: Path) -> None:
    package = Path(contract_package.__file__).parent
    modules = {f"code/contract/{path.relative_to(package).as_posix()}" for path in package.rglob("*.py")}
    assert "code/contract/reading/__init__.py" in modules
    files = bytes_of(model_dir)
    assert files.keys() == modules | {
        "model.ubj",
        "leaves.npy",
        "recipe.json",
        "manifest.json",
        "training.json",
        "interval.json",
        "code/inference.py",
        "code/trees.py",
        "code/batch_rows.py",
        "code/csv_output.py",
        "code/parquet_rows.py",
        "code/explanation.py",
        "code/failed_request.py",
        "code/interval.py",
    }
    assert files["recipe.json"] == (prepared / "context" / "recipe.json").read_bytes()
    assert files["manifest.json"] == (prepared / "context" / "manifest.json").read_bytes()


def test_the_best_round_on_the_validation_rows_is_kept(model_dir: Path, prepared: Path) -> None:
    recipe = Recipe.from_json((model_dir / "recipe.json").read_text())
    validation = read_rows(prepared / "validation", recipe)
    booster = xgboost.Booster(model_file=model_dir / "model.ubj")
    training = json.loads((model_dir / "training.json").read_text())
    assert training["rounds"] == booster.num_boosted_rounds() < training["rounds_allowed"] == 60
    errors = [
        float(np.sqrt(np.mean((booster[:rounds].inplace_predict(validation.inputs) - validation.target) ** 2)))
        for rounds in range(1, training["rounds"] + 1)
    ]
    assert int(np.argmin(errors)) == training["rounds"] - 1
    assert errors[-1] == pytest.approx(training["validation"]["rmse"], rel=1e-6)
    assert errors[-1] < 0.5 * float(np.std(validation.target))


REFIT = [value if value != "false" else "true" for value in HYPERPARAMETERS]


@pytest.fixture(scope="module")
def refitted(tmp_path_factory: pytest.TempPathFactory, prepared: Path) -> Path:
    status, folder = train_in(tmp_path_factory.mktemp("refit"), prepared, hyperparameters=REFIT)
    assert status == 0
    return folder


def test_a_refit_grows_the_best_rounds_on_train_and_validation_rows(
    refitted: Path, model_dir: Path, prepared: Path
) -> None:
    recipe = Recipe.from_json((refitted / "recipe.json").read_text())
    train, validation = (read_rows(prepared / split, recipe) for split in ("train", "validation"))
    rounds = xgboost.Booster(model_file=model_dir / "model.ubj").num_boosted_rounds()
    matrix = xgboost.QuantileDMatrix(
        np.concatenate([train.inputs, validation.inputs]), label=np.concatenate([train.target, validation.target])
    )
    parameters = {"eta": 0.2, "max_depth": 4, "subsample": 0.8, "colsample_bytree": 0.5, "seed": 7}
    by_hand = xgboost.train(parameters, matrix, rounds)
    booster = xgboost.Booster(model_file=refitted / "model.ubj")
    assert booster.num_boosted_rounds() == rounds
    assert booster.inplace_predict(train.inputs).tolist() == by_hand.inplace_predict(train.inputs).tolist()


def test_a_refitted_model_keeps_the_score_of_rows_that_were_unseen(
    refitted: Path, model_dir: Path, prepared: Path
) -> None:
    stopped, again = (json.loads((folder / "training.json").read_text()) for folder in (model_dir, refitted))
    assert again["validation"] == stopped["validation"]
    assert (stopped["refit"], stopped["rows_fitted"]) == (False, stopped["rows"]["train"])
    assert (again["refit"], again["rows_fitted"]) == (True, sum(again["rows"].values()))
    booster = xgboost.Booster(model_file=refitted / "model.ubj")
    assert "best_score" not in booster.attributes()
    validation = read_rows(prepared / "validation", Recipe.from_json((refitted / "recipe.json").read_text()))
    errors = booster.inplace_predict(validation.inputs) - validation.target
    assert float(np.sqrt(np.mean(errors**2))) < 0.9 * again["validation"]["rmse"]


def test_a_refit_gives_the_same_bytes_with_any_threads(
    tmp_path: Path, refitted: Path, prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "INPUTS_PER_THREAD", 100)
    _, again = train_in(tmp_path, prepared, threads=2, hyperparameters=REFIT)
    assert bytes_of(again) == bytes_of(refitted)


def test_rows_outside_a_fence_are_dropped_from_a_refit(recipe: Recipe) -> None:
    fenced = replace(recipe, fences={"rooms_per_household": (3.0, 6.0)})
    place = [column.name for column in recipe.columns].index("rooms_per_household")
    inputs = np.zeros((4, len(recipe.columns)))
    rooms = np.array([2.99, 3.0, 6.0, 6.01])
    inputs[:, place] = (rooms - recipe.mean["rooms_per_household"]) / recipe.std["rooms_per_household"]
    assert inside_fences(Rows(inputs, rooms), fenced).target.tolist() == [3.0, 6.0]
    assert inside_fences(Rows(inputs, rooms), recipe).target.tolist() == rooms.tolist()


def test_a_number_that_only_a_double_can_hold_is_no_obstacle(
    prepared: Path, recipe: Recipe, contract: Contract
) -> None:
    train, validation = (read_rows(prepared / split, recipe) for split in ("train", "validation"))
    read = hyperparameters_of(HYPERPARAMETERS)
    found = []
    for huge in (1e38, 1e90):
        validation.inputs[0, 0], train.inputs[0, 0] = huge, -huge
        fitted = fitting.fit(train, validation, recipe, read, parameters_of(contract, read, threads=1))
        found.append(fitted.score)
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("rows", "available", "threads"),
    [(99_999, 8, 1), (100_000, 8, 2), (350_000, 8, 4), (9_000_000, 8, 8), (350_000, 1, 1)],
)
def test_threads_follow_the_size_of_the_data(rows: int, available: int, threads: int) -> None:
    inputs = np.broadcast_to(np.zeros(1), (rows, 10))
    assert fitting.useful_threads(Rows(inputs, np.zeros(0)), available) == threads


@pytest.fixture
def recipe(model_dir: Path) -> Recipe:
    return Recipe.from_json((model_dir / "recipe.json").read_text())


def test_training_json_says_what_was_done(model_dir: Path) -> None:
    training = json.loads((model_dir / "training.json").read_text())
    assert training["parameters"] == {"colsample_bytree": 0.5, "eta": 0.2, "max_depth": 4, "subsample": 0.8}
    assert (training["seed"], training["early_stopping_rounds"]) == (7, 10)
    assert sum(training["rows"].values()) < 900
    assert training["libraries"]["xgboost"] == xgboost.__version__


def test_inputs_have_the_names_of_the_recipe(model_dir: Path) -> None:
    recipe = Recipe.from_json((model_dir / "recipe.json").read_text())
    assert xgboost.Booster(model_file=model_dir / "model.ubj").feature_names == [item.name for item in recipe.columns]


def test_the_metric_is_printed_as_sagemaker_reads_it(
    tmp_path: Path, prepared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, model = train_in(tmp_path, prepared)
    lines = capsys.readouterr().out.splitlines()
    values = [float(found[1]) for line in lines if (found := re.search(r"validation-rmse:([0-9.]+)", line))]
    expected = json.loads((model / "training.json").read_text())["validation"]["rmse"]
    assert values[-1] == pytest.approx(expected, abs=1e-4)
    assert values[0] > values[-1]
    logged = json.loads(lines[-1])
    assert (logged["event"], logged["threads"]) == ("trained", 1)
    assert logged["validation"] == {"rmse": pytest.approx(expected, abs=1e-4)}


@pytest.mark.parametrize(
    ("hyperparameters", "reason"),
    [
        ((), "hyperparameter rounds, early_stopping_rounds, seed, refit is missing"),
        (("--rounds",), "must come as --name value pairs, got: --rounds"),
        (("rounds", "1"), "must come as --name value pairs"),
        (("--rounds", "1.5", *HYPERPARAMETERS[2:]), "rounds must be a whole number, is '1.5'"),
        ((*HYPERPARAMETERS, "--refit", "1"), "hyperparameter refit must be true or false, is '1'"),
        ((*HYPERPARAMETERS, "--max_depth", "x"), "XGBoost refused to train: "),
        ((*HYPERPARAMETERS, "--eta", "-1"), "XGBoost refused to train: "),
    ],
)
def test_wrong_hyperparameters_fail_with_a_reason(
    tmp_path: Path,
    prepared: Path,
    capsys: pytest.CaptureFixture[str],
    hyperparameters: tuple[str, ...],
    reason: str,
) -> None:
    status, _ = train_in(tmp_path, prepared, hyperparameters=hyperparameters)
    assert status == 1
    written = (tmp_path / "output" / "failure").read_text()
    assert reason in written
    assert capsys.readouterr().err.splitlines()[-1] == written


def test_missing_rows_fail_with_a_reason(tmp_path: Path, prepared: Path) -> None:
    shutil.copytree(prepared, tmp_path / "prepared")
    (tmp_path / "prepared" / "validation" / "data.parquet").unlink()
    status, _ = train_in(tmp_path, tmp_path / "prepared")
    assert status == 1
    assert (tmp_path / "output" / "failure").read_text().startswith("validation/data.parquet is missing")


def test_an_unforeseen_error_leaves_a_reason_too(
    tmp_path: Path, prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import train

    monkeypatch.setattr(train, "fit", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        train_in(tmp_path, prepared)
    assert (tmp_path / "output" / "failure").read_text() == "ZeroDivisionError: division by zero"


def test_outside_a_training_job_the_missing_settings_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    import train

    assert train.main(list(HYPERPARAMETERS)) == 1
    assert (
        "SM_CHANNEL_TRAIN, SM_CHANNEL_VALIDATION, SM_CHANNEL_CONTEXT, SM_MODEL_DIR is not set"
        in capsys.readouterr().err
    )


def test_parameters_of_a_model_file_reach_xgboost(contract: Contract) -> None:
    import train

    given = {
        "refit": True,
        "rounds": contract.training.rounds,
        "early_stopping_rounds": contract.training.early_stopping_rounds,
        "seed": contract.training.seed,
        **contract.training.parameters,
    }
    read = train.hyperparameters_of([text for name, value in given.items() for text in (f"--{name}", str(value))])
    assert read.parameters == contract.training.parameters
    assert (read.rounds, read.early_stopping_rounds, read.seed, read.refit) == (600, 50, 7, True)
