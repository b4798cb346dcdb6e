from __future__ import annotations

import csv
import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from cli.sample_data import write_sample
from contract import Contract


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sample") / "housing.csv"
    write_sample(path)
    return path


@pytest.fixture(scope="module")
def columns(sample: Path) -> dict[str, list[str]]:
    with sample.open(newline="") as file:
        header, *rows = csv.reader(file)
    return dict(zip(header, map(list, zip(*rows, strict=True)), strict=True))


def test_it_has_the_columns_and_levels_of_the_contract(columns: dict[str, list[str]], california: Contract) -> None:
    assert set(columns) == set(california.columns)
    assert len(columns["longitude"]) == 20640
    (proximity,) = california.categorical
    levels = Counter(columns["ocean_proximity"])
    assert set(levels) == set(proximity.levels)
    assert levels["ISLAND"] == 5
    assert all(levels[level] > 1000 for level in proximity.levels if level != "ISLAND")


def test_it_keeps_to_the_bounds_of_the_contract(columns: dict[str, list[str]], california: Contract) -> None:
    for column in (*california.numeric, california.target):
        values = np.array([float(text) for text in columns[column.name] if text])
        assert column.min is None or values.min() >= column.min
        assert column.max is None or values.max() <= column.max


def test_it_has_the_gaps_and_the_cap_of_the_real_data(columns: dict[str, list[str]]) -> None:
    gaps = {name: texts.count("") for name, texts in columns.items()}
    assert 150 < gaps.pop("total_bedrooms") < 260
    assert set(gaps.values()) == {0}
    assert 500 < columns["median_house_value"].count("500001.0") < 1500


def test_income_and_the_sea_make_houses_dear(columns: dict[str, list[str]]) -> None:
    price = np.array(columns["median_house_value"], dtype=float)
    income = np.array(columns["median_income"], dtype=float)
    proximity = np.array(columns["ocean_proximity"])
    assert np.corrcoef(price, income)[0, 1] == pytest.approx(0.7, abs=0.08)
    medians = {level: np.median(price[proximity == level]) for level in ("INLAND", "<1H OCEAN", "NEAR BAY")}
    assert medians["INLAND"] < medians["<1H OCEAN"] < medians["NEAR BAY"]


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path, sample: Path) -> None:
    write_sample(tmp_path / "again.csv")
    write_sample(tmp_path / "other.csv", rows=500, seed=8)
    write_sample(tmp_path / "fewer.csv", rows=500)
    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in tmp_path.iterdir()}
    assert digests["again.csv"] == hashlib.sha256(sample.read_bytes()).hexdigest()
    assert digests["other.csv"] != digests["fewer.csv"]
    assert len((tmp_path / "fewer.csv").read_text().splitlines()) == 501
