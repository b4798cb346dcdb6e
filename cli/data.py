"""The data that a local run uses when none is named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cli.breast_cancer_data import write_breast_cancer
from cli.errors import CliError
from cli.sample_data import write_sample
from cli.target import LOCAL_DIR, ROOT

# The real file, where somebody put it beside the project; it is never part of it.
REAL_DATA = (ROOT / "data" / "housing.csv", ROOT.parent / "shared" / "data" / "housing.csv")
SAMPLES: Mapping[str, Callable[[Path], None]] = {
    "california_housing": write_sample,
    "breast_cancer": write_breast_cancer,
}


@dataclass(frozen=True)
class Data:
    """A file to upload and where it comes from, in words."""

    path: Path
    origin: str


def find_data(model: str, named: Path | None) -> Data:
    """The named file; else the real California Housing file beside the project; else the model's generated sample."""
    if named:
        if not named.is_file():
            wrong = f"{named} is a folder." if named.is_dir() else f"There is no file {named}."
            raise CliError(wrong, "Name a CSV file with --data.")
        return Data(named, "the file you named")
    if model not in SAMPLES:
        raise CliError(f"There is no sample data for model '{model}'.", "Name a CSV file with --data.")
    if model == "california_housing":
        for path in REAL_DATA:
            if path.is_file():
                return Data(path, "the real California Housing file")
    path = LOCAL_DIR / "data" / f"{model}_sample.csv"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        SAMPLES[model](path)
    return Data(path, "a generated sample, not the real data")
