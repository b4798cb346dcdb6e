"""Contracts from a folder of models and from inside a bundle."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import contract as contract_package
from contract import Contract, ContractError, bundled, load, load_all
from tests.contracts import MODELS


@pytest.fixture
def models(tmp_path: Path, model_toml: str) -> Path:
    for name in ("california_housing", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.toml").write_text(model_toml.replace('"california_housing"', f'"{name}"'))
    return tmp_path


def test_every_model_is_loaded_by_name(models: Path) -> None:
    assert {name: contract.name for name, contract in load_all(models).items()} == {
        "california_housing": "california_housing",
        "second": "second",
    }


def test_the_problems_of_all_files_come_together(models: Path) -> None:
    first, second = models / "california_housing" / "model.toml", models / "second" / "model.toml"
    first.write_text(first.read_text().replace("seed = 7", "seed = -7"))
    second.write_text(second.read_text().replace('"second"', '"third"'))
    with pytest.raises(ContractError) as caught:
        load_all(models)
    assert [(problem.file, problem.key) for problem in caught.value.problems] == [
        (first.as_posix(), "training.seed"),
        (second.as_posix(), "model.name"),
    ]
    assert (caught.value.file, caught.value.key) == (first.as_posix(), "training.seed")
    assert caught.value.reason == "must be at least 0 and at most 2147483647, is -7"


@pytest.mark.parametrize(("content", "reason"), [(None, "No such file"), (b"\xff\xfe", "can't decode")])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None, reason: str) -> None:
    path = tmp_path / "model.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ContractError, match=reason) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path.as_posix()}: cannot be read as UTF-8 text: ")


def test_nothing_is_bundled_in_the_source_tree() -> None:
    assert bundled() == {}


def test_bundled_contracts_are_found_inside_a_zip(tmp_path: Path, model_toml: str, contract: Contract) -> None:
    source = Path(contract_package.__file__).parent
    archive = tmp_path / "shared.zip"
    with zipfile.ZipFile(archive, "w") as bundle:
        for module in source.rglob("*.py"):
            bundle.write(module, f"contract/{module.relative_to(source).as_posix()}")
        bundle.writestr("contract/models/california_housing.toml", model_toml)
    script = "import contract; print(*((name, c.hash) for name, c in contract.bundled().items()))"
    environment = {"PYTHONPATH": str(archive)}
    found = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert found.stdout == f"('california_housing', '{contract.hash}')\n"


def test_the_package_needs_only_the_standard_library() -> None:
    """Lambda has no numpy: importing, validating and describing must not ask for it."""
    script = (
        "import sys, contract; c = contract.load(sys.argv[1]); contract.validate(c, {}); contract.json_schema(c);"
        "contract.columns_of(c); c.derived[0].expression.sql();"
        "print([m for m in ('numpy', 'boto3', 'pandas') if m in sys.modules])"
    )
    source = Path(contract_package.__file__).parent
    model = MODELS / "california_housing" / "model.toml"
    command = [sys.executable, "-S", "-c", script, str(model)]
    found = subprocess.run(command, env={"PYTHONPATH": str(source.parent)}, capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
