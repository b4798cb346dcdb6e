"""Whatever is registered as a task is known everywhere: a place that forgot one turns red here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from contract import Contract
from contract.batch import added_columns
from contract.tasks import TASKS
from description.schemas import SUMMARY
from frontend.answers import Model
from frontend.outputs import output_of
from steps.metrics import row_losses
from steps.tasks import EVALUATIONS, evaluation_of, metrics_of
from tests.fakeapi import documents
from tests.unit.pipeline.binary import binary_contract

# Of each task a contract, targets of six rows as data sets hold them, and predictions.
ACTUAL = np.array([0.0, 1.0, 0.0, 1.0, 1.0, 0.0])
PREDICTED = np.array([0.2, 0.7, 0.4, 0.9, 0.4, 0.1])


@pytest.fixture
def cases(contract: Contract) -> Mapping[str, Contract]:
    return {"regression": contract, "binary": binary_contract()}


def test_each_task_is_evaluated_and_has_a_case(cases: Mapping[str, Contract]) -> None:
    assert TASKS.keys() == EVALUATIONS.keys() == cases.keys() == set(SUMMARY["properties"]["task"]["enum"])
    assert all(item.task == name == item.rules.name for name, item in cases.items())


@pytest.mark.parametrize("name", TASKS)
def test_a_gate_may_ask_for_what_is_computed(cases: Mapping[str, Contract], name: str) -> None:
    task, contract = TASKS[name], cases[name]
    found = metrics_of(contract, ACTUAL, PREDICTED)
    assert task.limits.keys() | set(evaluation_of(contract).of_slices) <= found.keys()
    # The metric of the training is one that the gate knows, so that both can be set beside each other.
    assert task.training_metric in task.limits
    for metric in task.limits.keys() - {"auc"}:
        assert row_losses(metric, ACTUAL, PREDICTED).shape == ACTUAL.shape


@pytest.mark.parametrize("name", TASKS)
def test_slices_of_the_target_are_all_rows(cases: Mapping[str, Contract], name: str) -> None:
    slices = dict(evaluation_of(cases[name]).slices(cases[name].target, ACTUAL))
    assert not slices or np.array_equal(sum(chosen.astype(int) for chosen in slices.values()), np.ones(6))


@pytest.mark.parametrize("name", TASKS)
def test_what_is_said_is_said_at_every_door(cases: Mapping[str, Contract], name: str) -> None:
    contract = cases[name]
    label = contract.rules.label(0.9, contract.target, contract.serving)
    assert (label is not None) == contract.rules.says_label == ("prediction_label" in added_columns(contract))
    assert contract.rules.example(contract.target).keys() >= {"value"} | ({"label"} if label else set())
    document: dict[str, Any] = documents.detail(contract, live=False)
    output = output_of(Model.of(document))
    assert output.is_number == (label is None)
    assert bool(output.rule) == bool(contract.rules.told(contract.serving))


@pytest.mark.parametrize("name", TASKS)
def test_too_few_rows_are_told(cases: Mapping[str, Contract], name: str) -> None:
    contract, nobody = cases[name], np.array([])
    assert evaluation_of(contract).too_few(contract.target, nobody) == "there is no test row, and 2 are needed"
    assert evaluation_of(contract).too_few(contract.target, ACTUAL) == ""
    parts = contract.target.parts
    none = {side: dict.fromkeys(parts, 0) for side in ("train", "validation", "test")}
    some = {side: dict.fromkeys(parts, 9) for side in none}
    assert contract.rules.unfit(some, "", contract.target, "RMSE") == ""
    assert "upload more rows" in contract.rules.unfit(none, "train: 0 rows", contract.target, "RMSE")
