"""Records that a contract of this tree allows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import contract
from cli.records import Told
from tests.fakeapi import documents

MODELS = Path(__file__).resolve().parents[1] / "models"


def told(model: str | contract.Contract) -> Told:
    """What the REST API tells of a model of this tree, or of any contract."""
    known = contract.load(MODELS / model / "model.toml") if isinstance(model, str) else model
    return Told(documents.detail(known, live=True))


def example(model: str) -> dict[str, Any]:
    return contract.example(contract.load(MODELS / model / "model.toml"))
