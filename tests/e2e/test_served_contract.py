"""Who answers, answers by its own contract: clients go on while another contract is deployed, trained and approved."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli import api, registry
from cli.errors import CliError
from tests.contracts import MODELS
from tests.e2e.asking import Asking
from tests.e2e.conftest import MODEL, Platform
from tests.e2e.light import write_model
from tests.e2e.versions import copy_of, version, wait_for, wait_until_live

# A feature with another name, one that is required and new, one that may be missing and is new, and one that is gone.
CHANGES = {
    r"median_income = \{ (.*)": r'income = { column = "median_income", \1',
    r"population = (.*)": r"population = \1\nlot_area = "
    r'{ type = "number", min = 0, max = 100000, unit = "square feet" }'
    '\npool_area = { type = "number", min = 0, max = 10000, nullable = true }',
    r"housing_median_age = .*": "",
    r'unit = "USD"': 'unit = "US dollars"',
}


@pytest.fixture(scope="module")
def asking(platform: Platform, first: int) -> Iterator[Asking]:
    """From the first live version to the end of the file."""
    with Asking(platform.target, MODEL) as client:
        yield client


@pytest.fixture(scope="module")
def file(housing: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows that both contracts take."""
    header, *rows = housing.read_text().splitlines()
    generator = random.Random(13)
    lines = [
        f"{row},{generator.randint(100, 900)},{generator.choice(['', '40'])}" for row in generator.sample(rows, 3000)
    ]
    path = tmp_path_factory.mktemp("served") / "houses.csv"
    path.write_text("\n".join([f"{header},lot_area,pool_area", *lines]) + "\n")
    return path


@pytest.fixture(scope="module")
def first(platform: Platform, file: Path) -> int:
    trained = platform.run(file)
    assert trained.state == "live", trained.reason
    assert trained.model_version is not None
    return trained.model_version


@pytest.fixture(scope="module")
def old(platform: Platform, first: int) -> dict[str, Any]:
    """A record that the first version takes."""
    record: dict[str, Any] = api.model_document(platform.target, MODEL)["example"]
    return record


@pytest.fixture(scope="module")
def changed(
    asking: Asking, old: dict[str, Any], platform: Platform, tmp_path_factory: pytest.TempPathFactory
) -> Platform:
    """The changed contract is deployed over the live version."""
    folder = tmp_path_factory.mktemp("served") / "models"
    shutil.copytree(MODELS, folder)
    write_model(folder, changes=CHANGES)
    return platform.with_models(folder, tmp_path_factory.mktemp("served-work") / "cdk.out")


def test_requests_of_the_old_shape_are_answered_after_the_deployment(
    changed: Platform, first: int, old: dict[str, Any]
) -> None:
    answer = api.predict(changed.target, model=MODEL, instances=[old], explain=True)
    assert answer["model_version"] == str(first)
    assert answer["predictions"][0]["unit"] == "USD"


def test_the_model_is_told_by_the_version_that_answers_and_what_is_deployed(
    changed: Platform, first: int, old: dict[str, Any]
) -> None:
    told = api.model_document(changed.target, MODEL)
    assert (list(told["example"]), told["contract"]["version"], told["target"]["unit"]) == (list(old), first, "USD")
    assert f"Version {first} is live with the contract of " in told["notice"]
    assert told["notice"].endswith(
        "the deployed contract adds lot_area, pool_area and income, drops housing_median_age and median_income and "
        "changes [target]: upload data to train a version by it."
    )


def test_a_record_of_the_new_shape_is_refused_with_version_and_fields(
    changed: Platform, first: int, old: dict[str, Any]
) -> None:
    new = {**{name: value for name, value in old.items() if name != "median_income"}, "income": 3.5, "lot_area": 500}
    with pytest.raises(api.RefusedError) as refused:
        api.predict(changed.target, model=MODEL, instances=[new])
    assert refused.value.status == 400
    for words in ("median_income: is missing", "lot_area: is not a feature", "income: is not a feature"):
        assert words in refused.value.message


@pytest.fixture(scope="module")
def second(changed: Platform, file: Path) -> int:
    """The version of the changed contract, approved."""
    trained = changed.run(file)
    assert trained.model_version is not None, trained.reason
    if trained.state == "waiting":
        chosen = registry.find_version(changed.target, MODEL, trained.model_version)
        registry.approve(changed.target, chosen, reason="looked at it")
    wait_until_live(changed, trained.model_version)
    wait_for(changed, trained.model_version, "deployed")
    return trained.model_version


def test_a_client_that_follows_goes_over_to_the_new_shape(changed: Platform, second: int, old: dict[str, Any]) -> None:
    told = api.model_document(changed.target, MODEL)
    assert (told["contract"]["version"], told["notice"]) == (second, "")
    assert {"income", "lot_area", "pool_area"} == told["example"].keys() - old.keys()
    answer = api.predict(changed.target, model=MODEL, instances=[told["example"]])
    assert (answer["model_version"], answer["predictions"][0]["unit"]) == (str(second), "US dollars")
    with pytest.raises(CliError, match="housing_median_age: is not a feature"):
        api.predict(changed.target, model=MODEL, instances=[old])


def test_versions_come_and_go_under_a_client_that_asks_without_pause(
    changed: Platform, first: int, second: int, asking: Asking, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two more versions, back over both, back to the contract before, and a rejection of what is live."""
    target = changed.target
    for _ in range(2):
        newer = copy_of(changed, second)
        registry.approve(target, version(changed, newer), reason="the same again")
        wait_until_live(changed, newer)
        wait_for(changed, newer, "deployed")
    for wanted in (second, first):
        registry.rollback(target, MODEL, number=wanted, reason="back")
        wait_until_live(changed, wanted)
        wait_for(changed, wanted, "deployed")
    registry.approve(target, version(changed, second), reason="forward")
    wait_until_live(changed, second)
    registry.reject(target, version(changed, second), reason="and back")
    wait_until_live(changed, first)
    asking.end()
    with capsys.disabled():
        print(f"\n{asking.words()}")
    assert asking.faults == []
    assert {str(first), str(second)} <= asking.answered.keys()
    assert asking.answered.total() > 50
