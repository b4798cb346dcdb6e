"""How models are judged, by the names of their tasks. There is one for each of `contract.tasks`."""

from __future__ import annotations

from collections.abc import Mapping

from contract import Contract
from steps.metrics import Vector
from steps.tasks import binary, regression
from steps.tasks.task import Evaluation

EVALUATIONS: Mapping[str, Evaluation] = {item.name: item for item in (regression.EVALUATION, binary.EVALUATION)}


def evaluation_of(contract: Contract) -> Evaluation:
    return EVALUATIONS[contract.rules.name]


def metrics_of(contract: Contract, actual: Vector, predicted: Vector) -> dict[str, float]:
    """All metrics of the task; those that the rows do not define are left out."""
    return evaluation_of(contract).metrics(contract, actual, predicted)
