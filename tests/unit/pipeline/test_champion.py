"""Evaluate beside a champion: what becomes of a better, a worse, the same and an incomparable model, and why."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from contract import Contract, ContractError, Problem, Recipe
from contract.sides import side_of
from steps import bootstrap
from steps import champion as champions
from steps.basis import Basis
from steps.basis import too_few as few_words
from steps.champion import Champion, Comparison, compare
from steps.dataset import RawRows, Rows
from steps.trained import TrainedModel
from tests.unit.pipeline.binary import binary_contract
from tests.unit.pipeline.conftest import HYPERPARAMETERS, evaluate_into, train_in
from tests.unit.pipeline.factory import crown, numbered, pack, row_id, synthetic_rows, write_dataset

WEAK = tuple("14" if value == "60" else value for value in HYPERPARAMETERS)


@pytest.fixture(scope="module")
def weak(tmp_path_factory: pytest.TempPathFactory, prepared: Path) -> Path:
    """The archive of a model that was stopped early, on the same data."""
    status, model = train_in(tmp_path_factory.mktemp("weak"), prepared, hyperparameters=WEAK)
    assert status == 0
    return pack(model, tmp_path_factory.mktemp("weak-packed"))


def evaluation_of(folder: Path, packed: Path, prepared: Path, champion: Path) -> dict[str, Any]:
    assert evaluate_into(folder / "output", packed, prepared, champion) == 0
    found: dict[str, Any] = json.loads((folder / "output" / "evaluation.json").read_text())
    return found


def test_a_first_model_is_judged_by_the_limit_alone(evaluated: Path) -> None:
    evaluation = json.loads((evaluated / "evaluation.json").read_text())
    assert evaluation["champion"] == {
        "verdict": "none",
        "metric": "rmse",
        "reason": "there is no approved version yet to compare it with",
        "model_version": None,
        "value": None,
        "difference": None,
        "interval": None,
        "level": 0.95,
        "rows": None,
        "left_out": 0,
        "refused": 0,
    }
    assert (evaluation["gate"]["decision"], evaluation["gate"]["approval"]) == ("register", "stage")
    assert evaluation["gate"]["reason"].endswith("; there is no approved version yet to compare it with.")


def test_a_better_model_is_registered(tmp_path: Path, packed: Path, weak: Path, prepared: Path) -> None:
    evaluation = evaluation_of(tmp_path, packed, prepared, crown(tmp_path / "champion", weak))
    found, gate = evaluation["champion"], evaluation["gate"]
    assert (found["verdict"], found["model_version"], gate["decision"]) == ("better", 3, "register")
    assert found["difference"] == pytest.approx(gate["value"] - found["value"])
    assert found["interval"][0] < found["difference"] < found["interval"][1] < 0
    numbers = f"{found['value']:,.0f} USD; difference {found['difference']:,.0f}, 95 %"
    assert f"is within the limit of 60,000 USD, and better than version 3 ({numbers}" in gate["reason"]
    assert evaluation["registry"] == {
        "artifact_sha256": hashlib.sha256((packed / "model.tar.gz").read_bytes()).hexdigest(),
        "metric": "rmse",
        "metric_value": f"{gate['value']:.10g}",
        "champion_verdict": "better",
        "source_version": "v7",
    }


def changed_champion(folder: Path, **changes: Any) -> Path:
    document = json.loads((folder / "champion.json").read_text())
    document["champion"] |= changes
    (folder / "champion.json").write_text(json.dumps(document))
    return folder


def test_a_champion_whose_artifact_is_lost_leaves_it_to_a_person(tmp_path: Path, packed: Path, prepared: Path) -> None:
    folder = crown(tmp_path / "champion", packed)
    (folder / "model.tar.gz").unlink()
    uri = "s3://artifact/california_housing/models/abc/model.tar.gz"
    evaluation = evaluation_of(tmp_path, packed, prepared, changed_champion(folder, lost=True, model_data_url=uri))
    gate = evaluation["gate"]
    assert (evaluation["champion"]["verdict"], gate["decision"], gate["approval"]) == (
        "incomparable",
        "register",
        "person",
    )
    assert gate["reason"].endswith(
        f"a person has to approve it, because version 3 is not comparable: its artifact {uri} is gone."
    )


def test_the_champion_once_more_is_registered_when_its_records_are_lost(
    tmp_path: Path, packed: Path, prepared: Path
) -> None:
    """It would be unchanged, and nothing would make them again."""
    folder = changed_champion(crown(tmp_path / "champion", packed), lost_records=["golden.json", "contract.json"])
    evaluation = evaluation_of(tmp_path, packed, prepared, folder)
    found, gate = evaluation["champion"], evaluation["gate"]
    assert (found["verdict"], found["difference"]) == ("not_worse", 0.0)
    assert (gate["decision"], gate["approval"]) == ("register", "stage")
    assert gate["reason"].endswith(", of which golden.json, contract.json is lost.")


def test_a_worse_model_is_rejected_and_says_why(tmp_path: Path, packed: Path, weak: Path, prepared: Path) -> None:
    evaluation = evaluation_of(tmp_path, weak, prepared, crown(tmp_path / "champion", packed))
    found, gate = evaluation["champion"], evaluation["gate"]
    assert (found["verdict"], gate["decision"]) == ("worse", "reject")
    assert gate["value"] < gate["limit"]
    assert 0 < found["interval"][0] < found["difference"] < found["interval"][1]
    assert f"within the limit of 60,000 USD, but worse than version 3 ({found['value']:,.0f} USD" in gate["reason"]
    assert gate["reason"].endswith("so the model is not registered.")
    assert 'class="gate reject"' in (tmp_path / "output" / "report.html").read_text()


def test_the_same_bytes_are_recognised(tmp_path: Path, packed: Path, prepared: Path) -> None:
    evaluation = evaluation_of(tmp_path, packed, prepared, crown(tmp_path / "champion", packed, version=7))
    assert evaluation["champion"]["verdict"] == "same"
    assert evaluation["champion"]["interval"] == [0.0, 0.0]
    assert evaluation["gate"]["decision"] == "unchanged"
    assert evaluation["gate"]["reason"].startswith(
        "The model is byte for byte version 7: nothing to register. Test RMSE"
    )


def test_other_code_around_the_same_trees_is_a_new_version(
    tmp_path: Path, model_dir: Path, packed: Path, prepared: Path
) -> None:
    shutil.copytree(model_dir, tmp_path / "model")
    (tmp_path / "model" / "code" / "inference.py").write_text("# another way to answer")
    older = pack(tmp_path / "model", tmp_path / "packed")
    evaluation = evaluation_of(tmp_path, packed, prepared, crown(tmp_path / "champion", older))
    found = evaluation["champion"]
    assert (found["verdict"], found["difference"], evaluation["gate"]["decision"]) == ("not_worse", 0.0, "register")


def test_a_champion_with_other_derived_features_is_compared_on_the_raw_rows(
    tmp_path: Path, contract: Contract, packed: Path, prepared: Path
) -> None:
    import training_preprocessing

    plain = replace(contract, derived=contract.derived[:3])
    write_dataset(tmp_path / "dataset", plain, synthetic_rows(900, contract))
    options = ["--dataset", str(tmp_path / "dataset"), "--output", str(tmp_path / "prepared")]
    assert training_preprocessing.main([*options, "--contract-hash", plain.hash]) == 0
    _, model = train_in(tmp_path / "train", tmp_path / "prepared")
    champion = crown(tmp_path / "champion", pack(model, tmp_path / "c"))
    own = evaluation_of(tmp_path / "own", tmp_path / "c", tmp_path / "prepared", crown(tmp_path / "none"))
    found = evaluation_of(tmp_path, packed, prepared, champion)["champion"]
    # The same rows have the same split: what it scored in its own evaluation, it scores here.
    assert found["value"] == pytest.approx(own["metrics"]["rmse"], rel=1e-9)
    assert found["verdict"] in ("better", "not_worse", "worse")


def of_another_split(folder: Path, contract: Contract, *, refit: bool) -> tuple[Path, int, int]:
    """A champion's folder, and how many test rows of `contract` there are and how many of them it was fitted on."""
    import training_preprocessing

    other, rows = replace(contract, split=replace(contract.split, salt="other")), synthetic_rows(900, contract)
    write_dataset(folder / "dataset", other, rows)
    options = ["--dataset", str(folder / "dataset"), "--output", str(folder / "prepared")]
    assert training_preprocessing.main([*options, "--contract-hash", other.hash]) == 0
    hyperparameters = tuple("true" if refit and value == "false" else value for value in WEAK)
    _, model = train_in(folder / "train", folder / "prepared", hyperparameters=hyperparameters)
    tested = [row for row in rows if side_of(row_id(contract, row), contract.split) == "test"]
    fitted = ("train", "validation") if refit else ("train",)
    known = sum(side_of(row_id(other, row), other.split) in fitted for row in tested)
    return crown(folder / "champion", pack(model, folder / "packed")), len(tested), known


def test_a_champion_of_another_split_is_compared_on_the_rows_that_it_does_not_know(
    tmp_path: Path, contract: Contract, packed: Path, prepared: Path
) -> None:
    champion, tested, known = of_another_split(tmp_path, contract, refit=False)
    evaluation = evaluation_of(tmp_path, packed, prepared, champion)
    found = evaluation["champion"]
    assert 0 < known < tested - 50
    assert (found["rows"], found["left_out"], evaluation["rows"]) == (tested - known, known, tested)
    assert found["verdict"] == "better"
    basis = f"; on {tested - known} of {tested} test rows, it may know the others from its training)"
    assert basis in evaluation["gate"]["reason"]
    page = (tmp_path / "output" / "report.html").read_text()
    assert f"<b>{tested - known}</b><span>of them compared with version 3</span>" in page


def test_a_champion_that_knows_too_many_rows_is_not_compared(
    tmp_path: Path, contract: Contract, packed: Path, prepared: Path
) -> None:
    champion, tested, known = of_another_split(tmp_path, contract, refit=True)
    evaluation = evaluation_of(tmp_path, packed, prepared, champion)
    found, gate = evaluation["champion"], evaluation["gate"]
    assert tested - known < 50
    assert (found["verdict"], found["rows"], found["left_out"]) == ("incomparable", None, known)
    few = (
        f"it may know {known} of the {tested} test rows from its training, and the {tested - known} others are too few"
    )
    asked = "; a person has to approve it, because version 3 is not comparable: "
    assert gate["reason"].endswith(f"{asked}{few} (50 rows are needed).")
    assert (gate["decision"], gate["approval"]) == ("register", "person")


@pytest.mark.parametrize(("positives", "too_few"), [(19, True), (20, False)])
def test_each_level_needs_some_rows_once_others_left(positives: int, too_few: bool) -> None:
    target = np.array([1.0] * positives + [0.0] * 80 + [1.0] * 50)
    left, none = np.arange(len(target)) >= positives + 80, np.zeros(len(target), dtype=bool)
    rows, raw = Rows(np.zeros((len(target), 1)), target), RawRows({})
    for basis in (Basis(raw, known=left, refused=none), Basis(raw, known=none, refused=left, why="x")):
        assert bool(few_words(basis, rows, binary_contract())) == too_few
    # With all rows in the comparison there is nothing to take from it.
    assert few_words(Basis(raw, known=none, refused=none), rows, binary_contract()) == ""


def test_every_copy_of_a_row_counts_in_gate_slices_and_comparison(tmp_path: Path, contract: Contract) -> None:
    """Each row stands in the file once to four times; a champion of another salt leaves the copies that it saw."""
    import training_preprocessing

    rows = [row for place, row in enumerate(synthetic_rows(700, contract)) for _ in range(1 + place % 4)]
    packed: list[tuple[Contract, Path]] = []
    for salt in ("california-1", "other"):
        spec = replace(contract, split=replace(contract.split, salt=salt))
        folder = tmp_path / salt
        write_dataset(folder / "dataset", spec, rows)
        options = ["--dataset", str(folder / "dataset"), "--output", str(folder / "prepared")]
        assert training_preprocessing.main([*options, "--contract-hash", spec.hash]) == 0
        _, model = train_in(folder / "train", folder / "prepared", hyperparameters=WEAK)
        packed.append((spec, pack(model, folder / "packed")))
    (ours, own), (theirs, other) = packed
    prepared = tmp_path / ours.split.salt / "prepared"
    evaluation = evaluation_of(tmp_path, own, prepared, crown(tmp_path / "champion", other))
    sides = [[side_of(row["row_id"], spec.split) for row in numbered(spec, rows)] for spec in (ours, theirs)]
    tested = [place for place, side in enumerate(sides[0]) if side == "test"]
    known = sum(sides[1][place] == "train" for place in tested)
    assert evaluation["rows"] == len(tested)
    assert (evaluation["champion"]["rows"], evaluation["champion"]["left_out"]) == (len(tested) - known, known)
    levels = [item for item in evaluation["slices"] if item["name"] == "ocean_proximity"]
    assert sum(item["rows"] for item in levels) == len(tested)
    manifest = json.loads((tmp_path / ours.split.salt / "dataset" / "manifest.json").read_text())
    assert manifest["equal_rows"] == len(rows) - 700
    words = (tmp_path / "output" / "report.html").read_text()
    assert f"{len(rows) - 700:,} rows are equal to an earlier one in every column read" in words


def test_an_archive_that_cannot_be_read_is_no_champion(tmp_path: Path, packed: Path, prepared: Path) -> None:
    champion = crown(tmp_path / "champion", packed)
    (champion / "model.tar.gz").write_bytes(b"x")
    found = evaluation_of(tmp_path, packed, prepared, champion)["champion"]
    assert found["verdict"] == "incomparable"
    assert found["reason"].startswith("version 3 is not comparable: its archive is not readable here (model.tar")


@pytest.mark.parametrize("damage", ["cut", "no deflate stream"])
def test_a_damaged_archive_is_no_champion(tmp_path: Path, packed: Path, prepared: Path, damage: str) -> None:
    champion = crown(tmp_path / "champion", packed)
    archive = champion / "model.tar.gz"
    content = archive.read_bytes()
    archive.write_bytes(content[: len(content) // 2] if damage == "cut" else b"\x1f\x8b\x08" + bytes(7) + b"\xff" * 64)
    found = evaluation_of(tmp_path, packed, prepared, champion)
    assert found["champion"]["verdict"] == "incomparable"
    assert "model.tar.gz is not a whole tar.gz archive" in found["gate"]["reason"]


def test_what_is_wrong_with_a_champion_fits_into_one_line(
    monkeypatch: pytest.MonkeyPatch, contract: Contract, answers: tuple
) -> None:
    def fail(_: Path) -> TrainedModel:
        raise ContractError(Problem("model.toml", f"features.x{n}.type", "is new") for n in range(99))

    monkeypatch.setattr(champions, "load_model", fail)
    found = compare(Champion(3, Path("m")), SimpleNamespace(contract=contract), None, None, answers[1])  # type: ignore[arg-type]
    assert found.reason.startswith("version 3 is not comparable: its archive is not readable here (model.toml")
    assert (len(found.reason) < 400, "\n" in found.reason) == (True, False)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (None, "champion.json is missing in"),
        ({"version": 2, "champion": None}, "champion.json: version is 2, must be 1"),
        ({"version": 1}, "champion.json: version is 1, must be 1, with a champion or null; start training again"),
        ({"version": 1, "champion": {}}, "champion.json names no model version (KeyError('model_version'))"),
        ({"version": 1, "champion": {"model_version": 4}}, "names version 4, and its model.tar.gz is missing"),
    ],
)
def test_a_broken_record_fails_with_a_reason(
    tmp_path: Path, packed: Path, prepared: Path, capsys: pytest.CaptureFixture[str], document: object, message: str
) -> None:
    (tmp_path / "champion").mkdir()
    if document:
        (tmp_path / "champion" / "champion.json").write_text(json.dumps(document))
    assert evaluate_into(tmp_path / "output", packed, prepared, tmp_path / "champion") == 1
    assert message in capsys.readouterr().err


class Booster:
    """Answers what it is told to."""

    def __init__(self, answers: np.ndarray) -> None:
        self._answers = answers

    def inplace_predict(self, inputs: np.ndarray) -> np.ndarray:
        assert len(inputs) == len(self._answers)
        return self._answers


def compared(
    monkeypatch: pytest.MonkeyPatch, contract: Contract, actual: np.ndarray, ours: np.ndarray, theirs: np.ndarray
) -> Comparison:
    """Of a model that answers `ours` and a champion that answers `theirs`."""
    names = [item.name for item in (*contract.numeric, *contract.derived)]
    ones = dict.fromkeys(names, 1.0)
    recipe = Recipe.fitted(contract, impute=ones, fences={}, mean=ones, std=ones)
    features = {item.name: np.ones(len(actual)) for item in contract.numeric}
    for item in contract.categorical:
        features[item.name] = [item.levels[index % 2] for index in range(len(actual))]
    new, old = (TrainedModel(Booster(a), recipe, "r", "", {}, d) for a, d in ((ours, "new"), (theirs, "old")))  # type: ignore[arg-type]
    monkeypatch.setattr(champions, "load_model", lambda _: old)
    rows = Rows(recipe.apply_columns(features), actual)
    return compare(Champion(3, Path("model.tar.gz")), new, rows, RawRows(features), ours)


@pytest.fixture(scope="module")
def answers() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Actual, and what a model and a champion that errs 5 % less answer."""
    random = np.random.default_rng(11)
    actual, errors = random.uniform(1e5, 3e5, 1000), random.normal(scale=40_000, size=1000)
    return actual, actual + errors, actual + errors * 0.95


@pytest.mark.parametrize(("margin", "verdict"), [(0.0, "worse"), (0.04, "worse"), (0.06, "not_worse")])
def test_the_margin_is_a_share_of_the_champions_metric(
    monkeypatch: pytest.MonkeyPatch, contract: Contract, answers: tuple, margin: float, verdict: str
) -> None:
    actual, ours, theirs = answers
    found = compared(monkeypatch, replace(contract, gate=replace(contract.gate, margin=margin)), actual, ours, theirs)
    assert found.verdict == verdict
    assert found.difference == pytest.approx(found.value * (1 / 0.95 - 1))
    assert ("the margin is 4 %" in found.reason) == (margin == 0.04)


def test_what_chance_explains_is_not_worse(monkeypatch: pytest.MonkeyPatch, contract: Contract) -> None:
    random = np.random.default_rng(15)
    actual = random.uniform(1e5, 3e5, 1000)
    ours, theirs = (actual + random.normal(scale=40_000, size=1000) for _ in range(2))
    found = compared(monkeypatch, contract, actual, ours, theirs)
    assert found.interval[0] < 0 < found.interval[1]
    assert found.verdict == "not_worse"
    assert found.reason.startswith(f"not worse than version 3 ({found.value:,.0f} USD; difference")


@pytest.mark.parametrize(
    ("slice_margin", "rows", "verdict"), [(0.1, 100, "worse"), (2.0, 100, "better"), (0.1, 501, "better")]
)
def test_a_slice_that_got_worse_is_named(
    monkeypatch: pytest.MonkeyPatch, contract: Contract, slice_margin: float, rows: int, verdict: str
) -> None:
    """Much better on one level and half as bad again on the other: the mean hides it, the slice does not."""
    random = np.random.default_rng(13)
    actual, errors = random.uniform(1e5, 3e5, 1000), random.normal(scale=20_000, size=1000)
    first = np.arange(1000) % 2 == 0
    ours = actual + errors * np.where(first, 1.5, 1.0)
    theirs = actual + errors * np.where(first, 1.0, 3.0)
    gate = replace(contract.gate, slice_margin=slice_margin, slice_min_rows=rows)
    target = replace(contract.target, cap=None)
    found = compared(monkeypatch, replace(contract, gate=gate, target=target), actual, ours, theirs)
    assert found.verdict == verdict
    if verdict == "worse":
        assert found.reason.startswith("worse than version 3 where ocean proximity is <1H OCEAN: RMSE ")
        assert found.reason.endswith(" on 500 rows, the limit is 10 % more")


def test_a_higher_area_is_better(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(14)
    actual = (random.random(800) < 0.5).astype(float)
    sharp, dull = (
        np.clip(0.5 + width * (actual - 0.5) + random.normal(scale=0.2, size=800), 0.01, 0.99) for width in (0.6, 0.2)
    )
    better = compared(monkeypatch, binary_contract(), actual, sharp, dull)
    assert (better.verdict, better.difference > 0, better.interval[0] > 0) == ("better", True, True)
    worse = compared(monkeypatch, binary_contract(), actual, dull, sharp)
    assert (worse.verdict, worse.interval[1] < 0, worse.level) == ("worse", True, bootstrap.LEVEL)
    assert worse.reason.startswith(f"worse than version 3 ({worse.value:.4g}; difference {worse.difference:.4g}, 95 %")
