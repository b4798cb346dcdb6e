"""What the job made of a file, as the later steps read it when they compare a champion."""

from __future__ import annotations

from typing import Any

from contract import Contract
from steps.dataset import GROUP, KEY, RawRows
from steps.trained import TrainedModel
from tests.unit.etl.harness import Outcome


def model_of(outcome: Outcome, *, refit: bool) -> TrainedModel:
    unused: Any = None
    return TrainedModel(unused, outcome.recipe, "run", "", {"refit": refit}, "digest", manifest=outcome.manifest)


def raw_of(outcome: Outcome, contract: Contract) -> RawRows:
    table = outcome.table("raw/test")
    features = {
        item.name: table[item.name].to_numpy() if item.type == "number" else table[item.name].to_pylist()
        for item in contract.features
    }
    texts = {name: table[name].to_pylist() for name in (KEY, GROUP) if name in table.column_names}
    return RawRows(features, table["row_id"].to_pylist(), texts)
