"""Records that a contract of the tests allows."""

from __future__ import annotations

from typing import Any

import contract
from cli.records import Told
from tests.contracts import MODELS
from tests.fakeapi import documents


def told(model: str | contract.Contract) -> Told:
    """What the REST API tells of a model of the tests, or of any contract."""
    known = contract.load(MODELS / model / "model.toml") if isinstance(model, str) else model
    return Told(documents.detail(known, live=True))


def example(model: str) -> dict[str, Any]:
    return contract.example(contract.load(MODELS / model / "model.toml"))
