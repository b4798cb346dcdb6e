"""One synthesis of the example's environments for all tests of this folder, and one of what this tree has itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from contract import Contract, load_all
from project import FILE, read
from stacks import bundles
from stacks.config import STAGES
from tests.contracts import MODELS
from tests.example import STAGES as EXAMPLES
from tests.infrastructure.synthesis import Synthesis, synthesised
from tests.infrastructure.templates import StackId, Template


@pytest.fixture(scope="session")
def contracts() -> dict[str, Contract]:
    return load_all(MODELS)


@pytest.fixture(scope="session")
def synthesis() -> Iterator[Synthesis]:
    with synthesised(EXAMPLES, models=MODELS) as made:
        yield made


@pytest.fixture(scope="session")
def nag_findings(synthesis: Synthesis) -> Mapping[StackId, list[str]]:
    """What cdk-nag finds and nobody accepted."""
    return synthesis.findings


@pytest.fixture(scope="session")
def assembly(synthesis: Synthesis) -> Path:
    """The folder of the cloud assembly."""
    return synthesis.assembly


@pytest.fixture(scope="session")
def templates(synthesis: Synthesis) -> Mapping[StackId, Template]:
    return synthesis.templates


@pytest.fixture(scope="session")
def own() -> Iterator[Synthesis]:
    """Of models/, STAGES and project.toml as they are."""
    stages = [replace(config, project=read(FILE).name) for config in STAGES]
    with synthesised(stages, models=bundles.MODELS) as made:
        yield made
