"""The contract changes under a live version: batches follow it, and what nobody compared waits for a person."""

from __future__ import annotations

import csv
import random
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from cli import registry
from cli.batch import run
from cli.errors import CliError
from tests.contracts import MODELS
from tests.e2e.conftest import MODEL, QUIET, Platform
from tests.e2e.light import write_model
from tests.e2e.versions import wait_until_live
from tracking.run import Run
from tracking.versions import find_version, live_version

# One feature has another name, one is new, one is gone.
RENAMED, ADDED, DROPPED = "near_the_sea", "lot_area", "housing_median_age"
CHANGES = {
    r"ocean_proximity = \{ (.*)": rf'{RENAMED} = {{ column = "ocean_proximity", \1',
    rf"{DROPPED} = .*": f'{ADDED} = {{ type = "number", min = 0, max = 10000 }}',
}


@pytest.fixture(scope="module")
def lines(housing: Path) -> list[str]:
    """Rows of the data with a column more than the contract has."""
    header, *rows = housing.read_text().splitlines()
    generator = random.Random(12)
    chosen = generator.sample(rows, 4000)
    return [f"{header},{ADDED}", *(f"{row},{generator.randint(100, 900)}" for row in chosen)]


@pytest.fixture(scope="module")
def file_of(lines: list[str], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Makes a file of some of the lines, without some of the columns."""

    def make(name: str, rows: slice = slice(None), *, lacking: Sequence[str] = ()) -> Path:
        header, *found = (list(row) for row in csv.reader(lines))
        kept = [place for place, column in enumerate(header) if column not in lacking]
        path = tmp_path_factory.mktemp("changed") / name
        with path.open("w", newline="") as opened:
            writer = csv.writer(opened, lineterminator="\n")
            writer.writerows([row[place] for place in kept] for row in [header, *found[rows]])
        return path

    return make


File = Callable[..., Path]


@pytest.fixture(scope="module")
def first(platform: Platform, file_of: File) -> int:
    """The version that is live when the contract changes."""
    trained = platform.run(file_of("first.csv", lacking=[ADDED]))
    assert trained.state == "live", trained.reason
    assert trained.model_version is not None
    return trained.model_version


@pytest.fixture(scope="module")
def changed(platform: Platform, first: int, tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """The changed contract is deployed over the live version."""
    folder = tmp_path_factory.mktemp("changed") / "models"
    shutil.copytree(MODELS, folder)
    write_model(folder, changes=CHANGES)
    return platform.with_models(folder, tmp_path_factory.mktemp("changed-work") / "cdk.out")


def predicted(platform: Platform, file: Path) -> tuple[Mapping[str, Any], list[dict[str, str]]]:
    to = file.with_suffix(".out")
    result = run(platform.target, model=MODEL, file=file, to=to, console=QUIET, alive=platform.here.cloud.check)
    with to.open(newline="") as opened:
        return result, list(csv.DictReader(opened, strict=True))


def test_a_batch_follows_the_contract_of_the_version(changed: Platform, first: int, file_of: File) -> None:
    result, rows = predicted(changed, file_of("old.csv", slice(0, 20), lacking=[ADDED]))
    lineage = find_version(changed.target.place, MODEL, first)
    assert lineage is not None
    assert (result["model_version"], result["contract_hash"]) == (first, lineage.metadata["contract_hash"])
    assert (len(rows), {row["prediction_error"] for row in rows}) == (20, {""})


def test_a_file_for_the_next_contract_is_refused_with_the_version_and_the_columns(
    changed: Platform, first: int, file_of: File
) -> None:
    with pytest.raises(CliError) as refused:
        predicted(changed, file_of("new.csv", slice(0, 20), lacking=[DROPPED]))
    assert refused.value.message.startswith(
        f"The file was refused. new.csv: version {first} of {MODEL}, which would predict it, reads other columns: "
        f"line 1, the header, lacks {DROPPED}; add what is missing; not known: "
    )
    assert "The contract that is deployed reads it: train a version by that contract" in refused.value.message


@pytest.fixture(scope="module")
def second(changed: Platform, first: int, file_of: File) -> Run:
    """The run of a data set that still has the column which the contract dropped."""
    return changed.run(file_of("second.csv"))


def test_a_version_that_nobody_compared_waits_for_a_person_in_dev(changed: Platform, first: int, second: Run) -> None:
    assert second.state == "waiting", second.reason
    assert re.match(r"Version \d+ waits for a person's approval\. Test RMSE [\d,]+ USD is within", second.reason)
    why = (
        f"; a person has to approve it, because version {first} is not comparable: it reads the column {DROPPED}, "
        "which the contract does not name any more, so the test rows do not have it."
    )
    assert second.reason.endswith(why)
    assert "RegisterForApproval" in {step.name for step in second.steps if step.status == "Succeeded"}
    assert second.model_version is not None
    version = find_version(changed.target.place, MODEL, second.model_version)
    assert version is not None
    assert (version.approval, version.live) == ("PendingManualApproval", False)
    assert version.gate_reason.endswith(why)
    live = live_version(changed.target.place, MODEL)
    assert live is not None
    assert live.number == first


def test_approved_by_a_person_it_is_live_and_batches_go_over_to_it(
    changed: Platform, second: Run, file_of: File
) -> None:
    number = second.model_version
    assert number is not None
    registry.approve(changed.target, registry.find_version(changed.target, MODEL, number), reason="looked at it")
    wait_until_live(changed, number)
    result, rows = predicted(changed, file_of("over.csv", slice(0, 20), lacking=[DROPPED]))
    assert result["model_version"] == number
    assert (len(rows), {row["prediction_error"] for row in rows}) == (20, {""})
    with pytest.raises(CliError, match=rf"version {number} of {MODEL}, which would predict it, .*lacks {ADDED}"):
        predicted(changed, file_of("old.csv", slice(0, 20), lacking=[ADDED]))


def test_a_version_of_the_same_contract_is_compared_again(changed: Platform, second: Run, file_of: File) -> None:
    third = changed.run(file_of("third.csv", slice(0, 3000), lacking=[DROPPED]))
    assert third.evaluation is not None
    assert third.evaluation["champion"]["verdict"] in ("better", "not_worse", "worse")
    assert third.evaluation["champion"]["model_version"] == second.model_version
    assert third.state in ("live", "rejected")
