"""Files that are trained on at the same time: the order of their uploads decides, not which is through first."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from cli import registry
from tests.e2e.conftest import MODEL, Platform
from tests.e2e.versions import answering, version, wait_for
from tracking.states import State

Rows = Callable[..., Path]


def test_an_earlier_upload_does_not_overtake_its_correction(
    platform: Platform, rows_file: Rows, housing: Path, tmp_path: Path
) -> None:
    """A large file, one second later a small one with the correction, which is through first."""
    header, *lines = housing.read_text().splitlines()
    large = tmp_path / "large.csv"
    large.write_text("\n".join([header, *lines * 5]) + "\n")
    first = platform.upload(large)
    time.sleep(1)
    second = platform.upload(rows_file(seed=401, rows=6000, name="corrected.csv"))
    correction = platform.follow(second)
    assert correction.state == "live", correction.reason
    overtaken = platform.follow(first)
    assert (correction.model_version, overtaken.model_version) == (1, 2), "the large one was to be registered last"
    assert overtaken.state == "superseded", overtaken.reason
    assert "Version 1 has the later upload" in overtaken.reason
    assert wait_for(platform, 2, "superseded").state == State.SUPERSEDED
    assert answering(platform) == "1"


def test_a_person_goes_back_to_the_earlier_upload(platform: Platform) -> None:
    registry.rollback(platform.target, MODEL, number=2, reason="the correction was wrong")
    assert wait_for(platform, 2, "deployed").state == State.LIVE
    assert answering(platform) == "2"


def test_the_second_of_two_at_the_same_time_is_compared_with_the_first(platform: Platform, rows_file: Rows) -> None:
    """Both begin without a champion, and the first is the champion before the second is through."""
    registry.reject(platform.target, version(platform, 2), reason="no champion for what follows")
    first = platform.upload(rows_file(seed=402, rows=3000))
    second = platform.upload(rows_file(seed=403, rows=20000))
    earlier, later = platform.follow(first), platform.follow(second)
    # The second one may be through before the endpoint of the first is.
    assert earlier.state in ("live", "superseded"), earlier.reason
    assert earlier.model_version == 3
    taken_back = version(platform, 4)
    assert taken_back.metadata["champion_version"] == "none", "both were to begin before the first was through"
    assert taken_back.state == State.OUTDATED, taken_back.description
    assert later.evaluation is not None, later.reason
    assert later.evaluation["champion"]["model_version"] == 3
    assert {step.name: step.status for step in later.steps}["Train"] == "Cached"
    assert later.state in ("live", "rejected"), later.reason
    assert later.model_version in (5, None)
