"""Evaluate: metrics computed a second time, the report's words, the plots, and failures with a reason."""

from __future__ import annotations

import base64
import json
import shutil
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import xgboost

import inference
from contract import Contract, Recipe, contract_of
from contract.books import books_of
from steps.archives import unpack
from steps.dataset import RawRows
from steps.golden import golden
from tests.unit.pipeline.conftest import evaluate_into, train_in
from tests.unit.pipeline.factory import RUN_ID, matrix_of, pack, synthetic_rows, write_dataset

PLOTS = ["predicted_vs_actual.png", "residuals_by_decile.png", "feature_importance.png"]


@pytest.fixture(scope="session")
def evaluation(evaluated: Path) -> dict:
    return json.loads((evaluated / "evaluation.json").read_text())


@pytest.fixture(scope="session")
def predictions(prepared: Path, model_dir: Path) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Actual, predicted and level of each test row, by other means than the step's."""
    recipe = Recipe.from_json((model_dir / "recipe.json").read_text())
    table = pq.read_table(prepared / "test" / "data.parquet").to_pandas()
    predicted = xgboost.Booster(model_file=model_dir / "model.ubj").predict(matrix_of(table, recipe))
    return table["median_house_value"].to_numpy(), predicted.astype(float), table["ocean_proximity"].tolist()


def test_metrics_are_those_of_the_test_rows(evaluation: dict, predictions: tuple) -> None:
    actual, predicted, _ = predictions
    errors = predicted - actual
    metrics = evaluation["regression_metrics"]
    assert metrics["rmse"]["value"] == pytest.approx(np.sqrt((errors**2).mean()), rel=1e-9)
    assert metrics["mae"]["value"] == pytest.approx(np.abs(errors).mean(), rel=1e-9)
    assert metrics["r2"]["value"] == pytest.approx(
        1 - (errors**2).sum() / ((actual - actual.mean()) ** 2).sum(), rel=1e-9
    )
    assert evaluation["rows"] == len(actual)
    low, high = evaluation["interval"]["rmse"]
    assert low < metrics["rmse"]["value"] < high
    assert (evaluation["interval"]["level"], evaluation["interval"]["method"]) == (0.95, "bootstrap")
    assert 0 < metrics["rmse"]["standard_deviation"] < (high - low) / 3


def test_slices_are_those_of_the_test_rows(evaluation: dict, predictions: tuple) -> None:
    actual, predicted, level = predictions
    squares = (predicted - actual) ** 2
    for item in evaluation["slices"]:
        if item["name"] == "ocean_proximity":
            chosen = np.array([name == item["value"] for name in level])
        else:
            chosen = actual >= 500_001 if item["value"].startswith("capped") else actual < 500_001
        assert item["rows"] == chosen.sum()
        assert item["rmse"] == pytest.approx(np.sqrt(squares[chosen].mean()), rel=1e-9)
        assert item["mae"] == pytest.approx(np.sqrt(squares[chosen]).mean(), rel=1e-9)
    by_level = [item["rows"] for item in evaluation["slices"] if item["name"] == "ocean_proximity"]
    assert sum(by_level) == len(actual)
    assert len(evaluation["slices"]) == 7


def test_the_evaluation_says_what_was_evaluated(evaluation: dict, contract: Contract) -> None:
    assert (evaluation["model"], evaluation["run_id"]) == ("california_housing", RUN_ID)
    assert evaluation["contract_hash"] == contract.hash
    assert evaluation["plots"] == PLOTS
    gate = evaluation["gate"]
    rmse = evaluation["regression_metrics"]["rmse"]["value"]
    assert gate == {
        "decision": "register",
        "metric": "rmse",
        "value": rmse,
        "limit": 60000.0,
        "reason": f"Test RMSE {rmse:,.0f} USD is within the limit of 60,000 USD; "
        "there is no approved version yet to compare it with.",
        "approval": "stage",
    }
    assert (evaluation["task"], evaluation["unit"]) == ("regression", "USD")
    assert evaluation["metrics"] == {name: item["value"] for name, item in evaluation["regression_metrics"].items()}


def test_the_contract_of_the_version_is_kept_beside(evaluated: Path, contract: Contract) -> None:
    kept = json.loads((evaluated / "contract.json").read_text())
    assert (kept["version"], kept["contract_hash"]) == (1, contract.hash)
    again = contract_of(kept["contract"])
    assert (again, again.hash) == (contract, contract.hash)


def test_golden_rows_are_requests_with_the_answers_of_the_model(evaluated: Path, model_dir: Path) -> None:
    """What the deployed container answers to them, through its own code."""
    document = json.loads((evaluated / "golden.json").read_text())
    assert document.keys() == {"version", "instances", "predictions", "tolerance"}
    assert (document["version"], document["tolerance"], len(document["instances"])) == (1, 1e-6, 20)
    served = inference.predict_fn(document["instances"], inference.model_fn(str(model_dir)))
    assert served.values.tolist() == pytest.approx(document["predictions"], rel=1e-6)
    assert len(set(document["predictions"])) > 15


def test_raw_rows_that_give_other_inputs_are_refused(
    tmp_path: Path, packed: Path, prepared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The model would be evaluated on other inputs than it is served with."""
    shutil.copytree(prepared, tmp_path / "prepared")
    path = tmp_path / "prepared" / "test" / "raw.parquet"
    table = pq.read_table(path)
    changed = pc.add(table["median_income"], 0.01)
    pq.write_table(table.set_column(table.column_names.index("median_income"), "median_income", changed), path)
    assert evaluate_into(tmp_path / "output", packed, tmp_path / "prepared") == 1
    assert "test/raw.parquet: serving would compute other model inputs than the ETL job did" in capsys.readouterr().err


class Page(HTMLParser):
    """Words and images of the report; fails on a tag that is not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.images: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        if tag == "img":
            self.images.append(dict(attrs)["src"])
        elif tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip() and self.open[-1] != "style":
            self.words.append(data.strip())


def test_the_report_shows_metrics_slices_and_plots(evaluated: Path, evaluation: dict) -> None:
    page = Page((evaluated / "report.html").read_text())
    rmse = f"{evaluation['regression_metrics']['rmse']['value']:,.0f} USD"
    assert page.words[0] == page.words[1] == "California housing: evaluation"
    assert {rmse, evaluation["gate"]["reason"], "<1H OCEAN", "capped at 500,001 USD", "max_depth"} <= set(page.words)


def test_the_report_tells_where_the_rows_went(evaluated: Path, dataset: Path) -> None:
    manifest = json.loads((dataset / "manifest.json").read_text())
    books = books_of(manifest)
    assert books is not None
    assert books.balanced
    assert books.sentence in Page((evaluated / "report.html").read_text()).words


@pytest.mark.parametrize(("rows", "said"), [(0, "there is no test row"), (1, "there is only 1 test row")])
def test_one_test_row_is_none(
    tmp_path: Path, packed: Path, prepared: Path, capsys: pytest.CaptureFixture, rows: int, said: str
) -> None:
    shutil.copytree(prepared, tmp_path / "prepared")
    for name in ("data.parquet", "raw.parquet"):
        path = tmp_path / "prepared" / "test" / name
        pq.write_table(pq.read_table(path).slice(0, rows), path)
    assert evaluate_into(tmp_path / "output", packed, tmp_path / "prepared") == 1
    assert capsys.readouterr().err == f"test: {said}, and 2 are needed; upload more data\n"


def test_golden_rows_are_distinct(contract: Contract) -> None:
    """Nine of ten rows are one: it tells models apart no better ten times than once."""
    columns = {item.name: [1.0, 2.0, float("nan"), 3.0] for item in contract.numeric}
    places = np.array([0] * 900 + [1, 2, 3] * 3 + [0] * 91)
    features = {name: np.array(values)[places] for name, values in columns.items()}
    features |= {
        item.name: [None if place == 2 else item.levels[0] for place in places] for item in contract.categorical
    }
    raw = RawRows(features)
    assert raw.distinct() == [0, 900, 901, 902]

    class Model:
        def __init__(self) -> None:
            self.contract = contract

        recipe = SimpleNamespace(apply=lambda records: np.zeros((len(records), 1)))

        def predict(self, inputs: np.ndarray) -> np.ndarray:
            return inputs[:, 0]

    found = golden(Model(), raw)  # type: ignore[arg-type]
    assert [record["longitude"] for record in found["instances"]] == [1.0, 2.0, None, 3.0]
    assert len(found["predictions"]) == 4


def test_the_report_needs_no_other_file(evaluated: Path) -> None:
    """It is opened by a signed address, which is good for one object."""
    text = (evaluated / "report.html").read_text()
    start = "data:image/png;base64,"
    images = Page(text).images
    assert [image.startswith(start) for image in images] == [True] * len(PLOTS)
    assert [base64.b64decode(image.removeprefix(start)) for image in images] == [
        (evaluated / name).read_bytes() for name in PLOTS
    ]
    assert "href=" not in text
    assert len(text) < 500_000


def test_the_report_says_which_rows_the_model_learned_from(tmp_path: Path, model_dir: Path, prepared: Path) -> None:
    training = json.loads((model_dir / "training.json").read_text())
    rmse = f"{training['validation']['rmse']:,.0f}"
    for refit, label in ((False, "Validation RMSE"), (True, "Validation RMSE, before the validation rows joined")):
        model = shutil.copytree(model_dir, tmp_path / f"model-{refit}")
        (model / "training.json").write_text(json.dumps({**training, "refit": refit, "rows_fitted": 1234}))
        assert evaluate_into(tmp_path / f"output-{refit}", pack(model, tmp_path / f"packed-{refit}"), prepared) == 0
        words = Page((tmp_path / f"output-{refit}" / "report.html").read_text()).words
        assert words[words.index(label) + 1] == rmse
        assert words[words.index("Rows that the model learned from") + 1] == "1,234"


def test_plots_are_png_images(evaluated: Path) -> None:
    for name in PLOTS:
        content = (evaluated / name).read_bytes()
        assert content.startswith(b"\x89PNG\r\n\x1a\n")
        assert len(content) > 5_000


def test_the_same_model_gives_the_same_files(tmp_path: Path, evaluated: Path, packed: Path, prepared: Path) -> None:
    assert evaluate_into(tmp_path, packed, prepared) == 0
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        path.name: path.read_bytes() for path in evaluated.iterdir()
    }


def test_without_matplotlib_the_report_says_so(
    tmp_path: Path, packed: Path, prepared: Path, monkeypatch: pytest.MonkeyPatch, evaluation: dict
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert evaluate_into(tmp_path, packed, prepared) == 0
    assert json.loads((tmp_path / "evaluation.json").read_text()) == evaluation | {"plots": []}
    page = Page((tmp_path / "report.html").read_text())
    assert "Plots were skipped: matplotlib is not installed in this container." in page.words
    assert page.images == []


def test_a_model_that_misses_the_gate_is_rejected_in_words(tmp_path: Path, contract: Contract) -> None:
    import training_preprocessing

    strict = replace(contract, gate=replace(contract.gate, max=1000.0))
    (tmp_path / "dataset").mkdir()
    write_dataset(tmp_path / "dataset", strict, synthetic_rows(300, strict))
    prepared = tmp_path / "prepared"
    training_preprocessing.main(
        ["--dataset", str(tmp_path / "dataset"), "--output", str(prepared), "--contract-hash", strict.hash]
    )
    _, model = train_in(tmp_path / "train", prepared)
    assert evaluate_into(tmp_path / "output", pack(model, tmp_path / "packed"), prepared) == 0
    gate = json.loads((tmp_path / "output" / "evaluation.json").read_text())["gate"]
    assert gate["decision"] == "reject"
    assert gate["reason"].endswith("USD is above the limit of 1,000 USD, so the model is not registered.")
    assert 'class="gate reject"' in (tmp_path / "output" / "report.html").read_text()


def repack(packed: Path, folder: Path, **changes: str) -> Path:
    unpack(packed / "model.tar.gz", folder / "model")
    for name, text in changes.items():
        (folder / "model" / name.replace("_", ".")).write_text(text)
    return pack(folder / "model", folder / "packed")


def test_a_model_of_another_data_set_is_refused(
    tmp_path: Path, packed: Path, prepared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = repack(packed, tmp_path, manifest_json='{"run_id": "other"}')
    assert evaluate_into(tmp_path / "output", other, prepared) == 1
    message = f"trained on data set other, the test rows are of {RUN_ID}; run the pipeline from its first step\n"
    assert capsys.readouterr().err == f"model.tar.gz was {message}"


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "model.tar.gz is missing in"), (b"x", "model.tar.gz is not a whole tar.gz archive: ")],
)
def test_a_missing_or_broken_archive_is_named(
    tmp_path: Path, prepared: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, message: str
) -> None:
    if content:
        (tmp_path / "model.tar.gz").write_bytes(content)
    assert evaluate_into(tmp_path / "output", tmp_path, prepared) == 1
    assert capsys.readouterr().err.startswith(message)


def test_a_broken_model_is_named(
    tmp_path: Path, packed: Path, prepared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate_into(tmp_path / "output", repack(packed, tmp_path, model_ubj="x"), prepared) == 1
    assert capsys.readouterr().err.endswith("model.tar.gz holds no model.ubj that XGBoost can read; train again\n")


def test_test_rows_of_another_recipe_are_named(
    tmp_path: Path, packed: Path, prepared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(prepared, tmp_path / "prepared")
    path = tmp_path / "prepared" / "test" / "data.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["latitude"]), path)
    assert evaluate_into(tmp_path / "output", packed, tmp_path / "prepared") == 1
    assert capsys.readouterr().err == "test/data.parquet lacks latitude; run the pipeline from its first step\n"
