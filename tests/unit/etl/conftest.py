"""A worker process that runs the job on DuckDB, started once for all tests of this folder."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from contract import Contract, load
from stacks.bundles import ROOT
from tests.contracts import MODELS
from tests.unit.etl.harness import BUNDLE, Job, Outcome, csv_text, flats, small_contract

sys.path.append(str(BUNDLE[0]))  # for tests of the modules that need no Spark
sys.path.append(str(ROOT / "assets" / "pipeline"))  # what reads the data sets


@pytest.fixture(scope="session")
def duckdb() -> Iterator[Job]:
    with Job("duckdb", sys.executable) as running:
        yield running


@pytest.fixture(scope="session")
def contract() -> Contract:
    return small_contract()


@pytest.fixture(scope="session")
def plain(duckdb: Job, tmp_path_factory: pytest.TempPathFactory, contract: Contract) -> Outcome:
    """The data set of flats(60)."""
    return duckdb.run(csv_text(flats(60)), tmp_path_factory.mktemp("plain"), contract)


@pytest.fixture(scope="session")
def california() -> Contract:
    return load(MODELS / "california_housing" / "model.toml")
