"""A version in the registry has to be beaten: the same model again, and a worse one, end without a new version."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from pathlib import Path

import pytest

import contract
from cli.rows import raw_table
from cli.runs import train_again
from cli.tables import Cell
from contract import Contract
from contract.sides import digest_of, side_of
from tests.contracts import MODELS
from tests.e2e.alarms import fired
from tests.e2e.conftest import MODEL, Platform
from tests.e2e.light import write_model
from tracking.run import Run
from tracking.runs import RunReader

ROWS = 6000


@pytest.fixture(scope="module")
def lines(housing: Path) -> list[str]:
    header, *rows = housing.read_text().splitlines()
    return [header, *random.Random(300).sample(rows, ROWS)]


@pytest.fixture(scope="module")
def first(platform: Platform, lines: list[str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The run of the champion."""
    file = tmp_path_factory.mktemp("champion") / "champion.csv"
    file.write_text("\n".join(lines) + "\n")
    run = platform.run(file)
    assert run.state == "live", run.reason
    return run.run_id


def versions(platform: Platform) -> int:
    group = platform.target.resource_name(MODEL)
    return len(
        platform.target.client("sagemaker").list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"]
    )


def test_the_same_data_again_is_recognised_as_the_champion(platform: Platform, first: str) -> None:
    live = RunReader(platform.target.place, model=MODEL).read(first)
    before = versions(platform)
    execution = train_again(platform.target, model=MODEL, run_id=first)
    again = platform.follow(first)
    assert again.state == "unchanged", again.reason
    assert again.model_version == live.model_version
    assert again.reason.startswith(f"The model is byte for byte version {live.model_version}: nothing to register.")
    described = platform.target.client("sagemaker").describe_pipeline_execution(PipelineExecutionArn=execution)
    assert described["PipelineExecutionStatus"] == "Succeeded"
    assert versions(platform) == before


def test_a_worse_model_is_not_registered_and_says_why(
    platform: Platform, first: str, lines: list[str], tmp_path: Path
) -> None:
    before, alarmed = versions(platform), fired(platform, "pipeline-failures")
    file = tmp_path / "noisy.csv"
    file.write_text("\n".join(with_noise(lines)) + "\n")
    run = platform.run(file)
    assert run.state == "rejected"
    # A model that is turned down is nothing broken.
    assert fired(platform, "pipeline-failures") == alarmed
    assert "is within the limit of" in run.reason
    assert "but worse than version" in run.reason
    assert run.reason.endswith("so the model is not registered.")
    assert run.evaluation is not None
    assert run.evaluation["champion"]["verdict"] == "worse"
    reject = next(step for step in run.steps if step.name == "Reject")
    assert reject.reason == f"{MODEL} was not registered: {run.reason}"
    assert versions(platform) == before


def with_noise(lines: list[str]) -> list[str]:
    """Some train and validation rows get the price of another: the test rows stay as they are."""
    spec = contract.load(MODELS / MODEL / "model.toml")
    header, *rows = (line.split(",") for line in lines)
    names = [feature.name for feature in spec.features]
    places, price = [header.index(name) for name in names], header.index(spec.target.name)
    generator = random.Random(301)
    known = [row for row in rows if _side(spec, [row[place] for place in places]) != "test"]
    noisy = generator.sample(known, len(known) // 4)
    prices = [row[price] for row in noisy]
    generator.shuffle(prices)
    for row, value in zip(noisy, prices, strict=True):
        row[price] = value
    return [",".join(row) for row in (header, *rows)]


def _side(spec: Contract, texts: list[str]) -> str:
    """Of a row without equals."""
    numbers = [feature.type == "number" for feature in spec.features]
    values = [(float(text) if number else text) if text else None for text, number in zip(texts, numbers, strict=True)]
    return side_of(digest_of(spec, values), spec.split)


def test_a_champion_of_another_salt_is_compared_on_rows_that_neither_was_fitted_on(
    platform: Platform, first: str, lines: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("salted")
    shutil.copytree(MODELS, folder / "models")
    write_model(folder / "models", changes={r'salt = ".*"': 'salt = "another"'})
    salted = platform.with_models(folder / "models", folder / "cdk.out")
    file = folder / "salted.csv"
    file.write_text("\n".join(lines[:-1]) + "\n")
    run = salted.run(file)
    assert run.evaluation is not None, run.reason
    before = RunReader(platform.target.place, model=MODEL).read(first)
    found = run.evaluation["champion"]
    assert found["verdict"] in ("better", "not_worse", "worse"), found
    tested, unseen = values_of(platform, run, "test"), values_of(platform, before, "test")
    if not contract.load(MODELS / MODEL / "model.toml").training.refit:
        unseen += values_of(platform, before, "validation")
    # Outliers stand in no file: they were on the train side, and are taken for known.
    expected = sum((Counter(tested) & Counter(unseen)).values())
    assert 50 < expected < len(tested)
    assert (found["rows"], found["left_out"]) == (expected, len(tested) - expected)
    assert not Counter(values_of(platform, before, "train")) & Counter(unseen)


def values_of(platform: Platform, run: Run, side: str) -> list[tuple[Cell, ...]]:
    """Features and target of the rows of a side as `mlops data` has them: as many as the manifest says."""
    table = raw_table(platform.target, run, side)
    assert table.header[:2] == ("side", "row_id")
    rows = [tuple(cells[2:]) for cells in table.rows]
    assert run.manifest is not None
    assert len(rows) == run.manifest["rows"][side]
    return rows
