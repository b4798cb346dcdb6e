"""The data of a run without a file: every model that ships has some."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from cli import data
from cli.breast_cancer_data import write_breast_cancer
from cli.errors import CliError
from contract import load_all, validate
from tests import contracts

MODELS = load_all(contracts.MODELS)


@pytest.mark.parametrize("model", MODELS)
def test_every_model_has_sample_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, model: str) -> None:
    monkeypatch.setattr(data, "LOCAL_DIR", tmp_path)
    monkeypatch.setattr(data, "REAL_DATA", ())
    found = data.find_data(model, None)
    assert found.origin == "a generated sample, not the real data"
    with found.path.open() as file:
        header = next(csv.reader(file))
    assert set(header) == set(MODELS[model].columns)


def test_a_model_without_sample_data_asks_for_a_file() -> None:
    with pytest.raises(CliError, match="There is no sample data for model 'x'"):
        data.find_data("x", None)


def test_every_row_of_the_breast_cancer_sample_is_good(tmp_path: Path) -> None:
    contract = MODELS["breast_cancer"]
    write_breast_cancer(tmp_path / "a.csv")
    write_breast_cancer(tmp_path / "b.csv")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    with (tmp_path / "a.csv").open() as file:
        rows = list(csv.DictReader(file))
    levels = [row.pop("diagnosis") for row in rows]
    assert len(rows) == 569
    assert set(levels) == set(contract.target.levels)
    assert 0.3 < levels.count("malignant") / 569 < 0.45
    records = [{name: float(value) for name, value in row.items()} for row in rows]
    assert [error for record in records for error in validate(contract, record)] == []
    radius = [(record["mean_radius"], level) for record, level in zip(records, levels, strict=True)]
    mean = {level: sum(r for r, name in radius if name == level) / levels.count(level) for level in set(levels)}
    assert mean["malignant"] - mean["benign"] == pytest.approx(5.4, abs=0.7)
