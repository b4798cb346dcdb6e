"""Sixty models in one environment of the local cloud: what they share works for each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli import api, local
from cli.errors import CliError
from tests.e2e.conftest import QUIET, Platform
from tests.e2e.light import MODEL, write_model
from tests.records import example

pytestmark = pytest.mark.slow

COUNT = 60
APP = """
import os, pathlib
from dataclasses import replace
import app
from tests.example import DEV
app.main(pathlib.Path(os.environ["MODELS_DIR"]), None, (replace(DEV, many_models=True),))
"""


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    work = tmp_path_factory.mktemp("many")
    models = work / "models"
    models.mkdir()
    for name in [MODEL, *(f"forecast_{number:02}" for number in range(1, COUNT))]:
        write_model(models, name)
    program = work / "program.py"
    program.write_text(f"import sys; sys.path.insert(0, {str(local.ROOT)!r})\n{APP}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local, "APP", program)
        assembly = local.synth(work / "out", models, "dev")
    with local.deployed(stage="dev", console=QUIET, watch=local.Stopwatch(), assembly=assembly) as here:
        yield Platform(here)


def test_all_of_them_are_deployed(platform: Platform) -> None:
    assert len(platform.target.models) == COUNT
    sagemaker = platform.target.client("sagemaker")
    pages = sagemaker.get_paginator("list_pipelines").paginate()
    assert sum(len(page["PipelineSummaries"]) for page in pages) == COUNT
    told = {name: api.model_document(platform.target, name) for name in ("forecast_01", "forecast_59")}
    assert {name: document["name"] for name, document in told.items()} == {name: name for name in told}


def test_a_file_of_one_goes_through_and_is_answered(platform: Platform, rows_file: Callable[..., Path]) -> None:
    run = platform.run(rows_file(seed=11))
    assert run.state == "live", run.reason
    (prediction,) = api.predict(platform.target, model=MODEL, instances=[example(MODEL)])["predictions"]
    assert prediction["value"] > 0
    denied = {role: counts for role, counts in platform.here.cloud.calls()["roles"].items() if counts["denied"]}
    assert denied == {}


def test_a_model_that_there_is_not_is_named(platform: Platform) -> None:
    with pytest.raises(CliError, match="There is no model 'nobody'"):
        api.predict(platform.target, model="nobody", instances=[{}])
