"""A contract with a bit of everything, and its text to break in tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from contract import Contract, load

# A copy, so that tuning the model that ships changes no expected value here.
MODEL_FILE = Path(__file__).with_name("housing.toml")


@pytest.fixture(scope="session")
def model_toml() -> str:
    return MODEL_FILE.read_text()


@pytest.fixture(scope="session")
def contract() -> Contract:
    return load(MODEL_FILE)


@pytest.fixture
def record() -> dict[str, object]:
    """The first row of the real data."""
    return {
        "longitude": -122.23,
        "latitude": 37.88,
        "housing_median_age": 41,
        "total_rooms": 880.0,
        "total_bedrooms": 129.0,
        "population": 322.0,
        "households": 126.0,
        "median_income": 8.3252,
        "ocean_proximity": "NEAR BAY",
    }
