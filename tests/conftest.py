"""Options and data that every layer of the tests shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# The application of the tests, for what is imported here and for every program that a test starts.
os.environ["PROJECT_FILE"] = str(ROOT / "tests" / "data" / "project.toml")
REAL_DATA = ROOT.parent / "shared" / "data" / "housing.csv"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="also run the slow tests (Spark, SageMaker SDK, CDK)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--slow"):
        return
    skip = pytest.mark.skip(reason="slow: run ./dev test --slow")
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def housing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real California Housing file when it lies beside the project, the generated sample otherwise."""
    if REAL_DATA.exists():
        return REAL_DATA
    from cli.sample_data import write_sample

    path = tmp_path_factory.mktemp("data") / "housing.csv"
    write_sample(path)
    return path


@pytest.fixture(scope="session")
def data_is_real() -> bool:
    return REAL_DATA.exists()
