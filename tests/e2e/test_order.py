"""Files that are trained on at the same time: the order of their uploads decides, not which is through first."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from cli import registry
from tests.e2e.conftest import MODEL, Platform
from tests.e2e.versions import answering, wait_for
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
