"""Finds model.toml files: one, a folder of them, or those inside a bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contract.model import Contract
from contract.parsing import contract_of
from contract.problems import ContractError, Problem
from contract.sharing import disagreements

if TYPE_CHECKING:
    from pathlib import Path


def load(path: Path | str) -> Contract:
    """Reads one model.toml. Raises ContractError."""
    from pathlib import Path

    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ContractError([Problem(path.as_posix(), "", f"cannot be read as UTF-8 text: {error}")]) from error
    return contract_of_toml(text, path.as_posix())


def load_all(models_dir: Path | str) -> dict[str, Contract]:
    """Every models/*/model.toml by model name. Raises one ContractError with the problems of all files."""
    from pathlib import Path

    contracts: dict[str, Contract] = {}
    by_file: dict[str, Contract] = {}
    problems: list[Problem] = []
    for path in sorted(Path(models_dir).glob("*/model.toml")):
        try:
            contract = load(path)
        except ContractError as error:
            problems += error.problems
            continue
        if contract.name != path.parent.name:
            reason = f'must be the name of its folder, "{path.parent.name}", is "{contract.name}"; rename one of them'
            problems.append(Problem(path.as_posix(), "model.name", reason))
        contracts[contract.name] = by_file[path.as_posix()] = contract
    problems += disagreements(by_file)
    if problems:
        raise ContractError(problems)
    return contracts


def bundled() -> dict[str, Contract]:
    """The contracts that the bundle carries in contract/models/<name>.toml; {} where there are none."""
    from importlib.resources import files

    folder = files("contract").joinpath("models")
    if not folder.is_dir():
        return {}
    texts = {item.name: item.read_text(encoding="utf-8") for item in folder.iterdir() if item.name.endswith(".toml")}
    contracts = [contract_of_toml(texts[name], f"contract/models/{name}") for name in sorted(texts)]
    return {contract.name: contract for contract in contracts}


def contract_of_toml(text: str, file: str) -> Contract:
    import tomllib

    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ContractError([Problem(file, "", f"is not valid TOML: {error}")]) from error
    return contract_of(document, file)
