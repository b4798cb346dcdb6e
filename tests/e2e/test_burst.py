"""More files at once than the workflow has room for: each is run once, in its turn, and none is given up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli import local
from tests.e2e import bursts
from tests.e2e.conftest import QUIET, Platform

MODELS = ("houses", "homes", "flats")
DONE = ("live", "superseded", "unchanged")


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    models = bursts.write_models(tmp_path_factory.mktemp("crowd") / "models", MODELS)
    with local.deployed(stage="dev", console=QUIET, watch=local.Stopwatch(), models=models) as here:
        yield Platform(here)


def test_nine_files_of_three_models_at_once(crowd: Platform, housing: Path, tmp_path: Path) -> None:
    files = bursts.write_files(housing, tmp_path, models=MODELS, count=9, rows=400, every=9)
    sent = bursts.send(crowd.target, files, seconds=0)
    assert len(sent) == 10
    wanted = {model: set(bursts.in_order(sent, model)) for model in MODELS}
    runs = bursts.wait_for_all(crowd.target, MODELS, wanted, timeout=240)
    states = {run.run_id: run.state for run in runs}
    for item in sent:
        assert states[item.upload.run_id] in (DONE if item.file.good else ("refused",))
    started = bursts.started_runs(crowd.target)
    assert set(Counter(run.run_id for run in started).values()) == {1}
    for model in MODELS:
        assert bursts.overtaken([run for run in started if run.model == model], bursts.in_order(sent, model)) == []
        assert "live" in [states[run_id] for run_id in wanted[model]]
    assert bursts.dead(crowd.target) == {}
