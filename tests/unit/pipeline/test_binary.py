"""A binary model through every step: prepared, trained, evaluated beside a champion, served."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import xgboost

import inference
from contract import Contract, Recipe
from tests.unit.pipeline.binary import binary_contract, binary_rows
from tests.unit.pipeline.conftest import evaluate_into, train_in
from tests.unit.pipeline.factory import crown, matrix_of, pack, write_dataset

SETTINGS = (
    *("--rounds", "40", "--early_stopping_rounds", "10", "--seed", "1", "--refit", "true"),
    *("--max_depth", "2"),
)


@pytest.fixture(scope="module")
def sales() -> Contract:
    return binary_contract()


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory, sales: Contract) -> Path:
    import training_preprocessing

    folder = tmp_path_factory.mktemp("binary")
    write_dataset(folder / "dataset", sales, binary_rows(600))
    options = ["--dataset", str(folder / "dataset"), "--output", str(folder / "prepared")]
    assert training_preprocessing.main([*options, "--contract-hash", sales.hash]) == 0
    return folder / "prepared"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, ready: Path) -> Path:
    status, model = train_in(tmp_path_factory.mktemp("binary-train"), ready, hyperparameters=SETTINGS)
    assert status == 0
    return model


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory, trained: Path, ready: Path) -> Path:
    folder = tmp_path_factory.mktemp("binary-evaluated")
    assert evaluate_into(folder / "output", pack(trained, folder / "packed"), ready) == 0
    return folder


@pytest.fixture(scope="module")
def evaluation(judged: Path) -> dict:
    return json.loads((judged / "output" / "evaluation.json").read_text())


def test_training_watches_the_log_loss(
    trained: Path, tmp_path: Path, ready: Path, capsys: pytest.CaptureFixture
) -> None:
    config = json.loads(xgboost.Booster(model_file=trained / "model.ubj").save_config())
    assert config["learner"]["objective"]["name"] == "binary:logistic"
    recorded = json.loads((trained / "training.json").read_text())["validation"]
    assert list(recorded) == ["logloss"]
    train_in(tmp_path, ready, hyperparameters=SETTINGS)
    printed = re.findall(r"validation-logloss:([0-9.]+)", capsys.readouterr().out)
    assert float(printed[-1]) == pytest.approx(recorded["logloss"], abs=1e-4)


def test_metrics_are_those_of_the_test_rows(evaluation: dict, ready: Path, trained: Path) -> None:
    recipe = Recipe.from_json((trained / "recipe.json").read_text())
    table = pq.read_table(ready / "test" / "data.parquet").to_pandas()
    predicted = xgboost.Booster(model_file=trained / "model.ubj").predict(matrix_of(table, recipe))
    actual = table["sold"].to_numpy()
    pairs = predicted[actual == 1][:, None] - predicted[actual == 0][None, :]
    assert evaluation["task"] == "binary"
    assert evaluation["metrics"]["auc"] == pytest.approx(np.mean((pairs > 0) + (pairs == 0) / 2), rel=1e-6)
    assert evaluation["metrics"]["accuracy"] == pytest.approx(np.mean((predicted >= 0.5) == (actual == 1)))
    found = evaluation["binary_classification_metrics"]
    assert set(found) == {"auc", "logloss", "accuracy", "precision", "recall", "f1"}
    assert found["auc"]["standard_deviation"] > 0
    low, high = evaluation["interval"]["auc"]
    assert low < evaluation["metrics"]["auc"] <= high <= 1


def test_the_gate_and_the_report_speak_of_the_area(evaluation: dict, judged: Path) -> None:
    area = evaluation["metrics"]["auc"]
    assert evaluation["gate"]["decision"] == "register"
    assert evaluation["gate"]["reason"].startswith(f"Test AUC {area:.4g} reaches the limit of 0.8;")
    assert evaluation["registry"]["metric"] == "auc"
    assert evaluation["plots"] == ["roc_curve.png", "calibration.png", "feature_importance.png"]
    for name in evaluation["plots"]:
        assert (judged / "output" / name).read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    page = (judged / "output" / "report.html").read_text()
    assert all(f">{words}<" in page for words in ("AUC", f"{area:.4f}", "Log loss", "AUC, 95 % interval", "yes"))


def test_the_same_model_again_is_unchanged(tmp_path: Path, judged: Path, ready: Path) -> None:
    champion = crown(tmp_path / "champion", judged / "packed", version=2)
    assert evaluate_into(tmp_path / "output", judged / "packed", ready, champion) == 0
    gate = json.loads((tmp_path / "output" / "evaluation.json").read_text())["gate"]
    assert gate["decision"] == "unchanged"


def test_an_answer_has_the_probability_and_the_label(trained: Path, judged: Path) -> None:
    golden = json.loads((judged / "output" / "golden.json").read_text())
    model = inference.model_fn(str(trained))
    prediction = inference.predict_fn(golden["instances"], model)
    answers = json.loads(inference.output_fn(prediction, "*/*")[0])["predictions"]
    assert [item["value"] for item in answers] == pytest.approx(golden["predictions"], rel=1e-6)
    assert [item["label"] for item in answers] == ["yes" if p >= 0.5 else "no" for p in golden["predictions"]]
    assert {item["label"] for item in answers} == {"no", "yes"}


def test_test_rows_of_one_level_are_refused(
    tmp_path: Path, judged: Path, ready: Path, capsys: pytest.CaptureFixture
) -> None:
    import shutil

    shutil.copytree(ready, tmp_path / "ready")
    path = tmp_path / "ready" / "test" / "data.parquet"
    table = pq.read_table(path)
    zeros = table["sold"].to_numpy() * 0
    pq.write_table(table.set_column(table.column_names.index("sold"), "sold", [zeros]), path)
    assert evaluate_into(tmp_path / "output", judged / "packed", tmp_path / "ready") == 1
    said = f"test: the target of every test row ({len(zeros)}) is no, and none is yes; upload more data\n"
    assert capsys.readouterr().err == said
