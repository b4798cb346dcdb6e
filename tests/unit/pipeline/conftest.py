"""One small data set taken through the steps once: prepared, trained, packed and evaluated."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "assets" / "pipeline"))

from contract import Contract, load  # noqa: E402
from tests.unit.pipeline.factory import crown, pack, synthetic_rows, write_dataset  # noqa: E402

HYPERPARAMETERS = (
    *("--rounds", "60", "--early_stopping_rounds", "10", "--seed", "7", "--refit", "false"),
    *("--eta", "0.2", "--max_depth", "4", "--subsample", "0.8", "--colsample_bytree", "0.5"),
)


@pytest.fixture(scope="session")
def contract() -> Contract:
    return load(ROOT / "tests" / "unit" / "contract" / "housing.toml")


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory, contract: Contract) -> Path:
    """What the ETL job would have written for 900 rows."""
    folder = tmp_path_factory.mktemp("dataset")
    write_dataset(folder, contract, synthetic_rows(900, contract))
    return folder


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory, dataset: Path, contract: Contract) -> Path:
    import training_preprocessing

    output = tmp_path_factory.mktemp("prepared")
    arguments = ["--dataset", str(dataset), "--output", str(output), "--contract-hash", contract.hash]
    assert training_preprocessing.main(arguments) == 0
    return output


def train_in(
    folder: Path, prepared: Path, *, threads: int = 1, hyperparameters: Sequence[str] = HYPERPARAMETERS
) -> tuple[int, Path]:
    """Exit status, and the folder that SageMaker would pack."""
    import train

    model = folder / "model"
    (folder / "output" / "data").mkdir(parents=True)
    environment = {
        **{f"SM_CHANNEL_{name.upper()}": str(prepared / name) for name in ("train", "validation", "context")},
        "SM_MODEL_DIR": str(model),
        "SM_OUTPUT_DATA_DIR": str(folder / "output" / "data"),
        "SM_NUM_CPUS": str(threads),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        return train.main(list(hyperparameters)), model


@pytest.fixture(scope="session")
def model_dir(tmp_path_factory: pytest.TempPathFactory, prepared: Path) -> Path:
    status, folder = train_in(tmp_path_factory.mktemp("train"), prepared)
    assert status == 0
    return folder


@pytest.fixture(scope="session")
def packed(tmp_path_factory: pytest.TempPathFactory, model_dir: Path) -> Path:
    return pack(model_dir, tmp_path_factory.mktemp("packed"))


def evaluate_into(output: Path, packed: Path, prepared: Path, champion: Path | None = None) -> int:
    """`champion`: the folder that start_training makes; by default no version is approved yet."""
    import evaluate

    champion = champion or crown(output.with_name(f"{output.name}-champion"))
    return evaluate.main(
        [
            *("--model", str(packed), "--test", str(prepared / "test")),
            *("--context", str(prepared / "context"), "--champion", str(champion), "--output", str(output)),
        ]
    )


@pytest.fixture(scope="session")
def evaluated(tmp_path_factory: pytest.TempPathFactory, packed: Path, prepared: Path) -> Path:
    output = tmp_path_factory.mktemp("evaluated")
    assert evaluate_into(output, packed, prepared) == 0
    return output
