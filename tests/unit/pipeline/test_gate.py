"""The gate in plain words: the limit, the champion, and what each verdict makes of the model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from contract import Contract, Gate
from steps.champion import Comparison
from steps.gate import decide
from tests.unit.pipeline.binary import binary_contract

NONE = Comparison("none", "rmse", "there is no approved version yet to compare it with")
NUMBERS = "41,200 USD; difference -218, 95 % -600 to 150"
COMPARED = {"model_version": 3, "value": 41_200.0, "difference": -218.0, "interval": (-600.0, 150.0)}


@pytest.mark.parametrize(
    ("gate", "value", "decision", "reason"),
    [
        (Gate("rmse", max=60_000), 41_903.25, "register", "Test RMSE 41,903 USD is within the limit of 60,000 USD;"),
        (Gate("rmse", max=41_903.25), 41_903.25, "register", "Test RMSE 41,903 USD is within the limit of 41,903 USD;"),
        (Gate("rmse", max=40_000), 41_903.25, "reject", "Test RMSE 41,903 USD is above the limit of 40,000 USD, so"),
        (Gate("mae", max=30_000), 27_000.6, "register", "Test MAE 27,001 USD is within the limit of 30,000 USD;"),
    ],
)
def test_the_limit_decides_while_there_is_no_champion(
    contract: Contract, gate: Gate, value: float, decision: str, reason: str
) -> None:
    found = decide(replace(contract, gate=gate), value, NONE)
    end = "so the model is not registered." if decision == "reject" else f"; {NONE.reason}."
    assert (found.decision, found.metric, found.value, found.limit) == (decision, gate.metric, value, gate.max)
    assert found.reason.startswith(reason)
    assert found.reason.endswith(end)


@pytest.mark.parametrize(
    ("value", "decision", "reason"),
    [
        (0.8, "register", "Test AUC 0.8 reaches the limit of 0.8; "),
        (0.79, "reject", "Test AUC 0.79 is below the limit of"),
    ],
)
def test_a_metric_that_should_be_high_has_a_least_value(value: float, decision: str, reason: str) -> None:
    found = decide(binary_contract(), value, NONE)
    assert (found.decision, found.limit) == (decision, 0.8)
    assert found.reason.startswith(reason)


@pytest.mark.parametrize(
    ("verdict", "words", "decision", "end"),
    [
        ("better", "better than version 3", "register", f", and better than version 3 ({NUMBERS})."),
        ("not_worse", "not worse than version 3", "register", f", and not worse than version 3 ({NUMBERS})."),
        (
            "worse",
            "worse than version 3",
            "reject",
            f", but worse than version 3 ({NUMBERS}), so the model is not registered.",
        ),
    ],
)
def test_the_champion_counts_besides_the_limit(
    contract: Contract, verdict: str, words: str, decision: str, end: str
) -> None:
    found = decide(contract, 40_982.0, Comparison(verdict, "rmse", f"{words} ({NUMBERS})", **COMPARED))
    assert (found.decision, found.reason) == (
        decision,
        f"Test RMSE 40,982 USD is within the limit of 60,000 USD{end}",
    )


def test_a_better_model_still_has_to_keep_the_limit(contract: Contract) -> None:
    found = decide(contract, 61_000.0, Comparison("better", "rmse", "better than version 3", **COMPARED))
    reason = "Test RMSE 61,000 USD is above the limit of 60,000 USD, so the model is not registered."
    assert (found.decision, found.reason) == ("reject", reason)


def test_without_a_comparison_a_person_approves_and_the_reason_says_why(contract: Contract) -> None:
    obstacle = "version 3 is not comparable: it needs the column age, which the data do not have any more"
    found = decide(contract, 50_000.0, Comparison("incomparable", "rmse", obstacle, 3))
    reason = f"Test RMSE 50,000 USD is within the limit of 60,000 USD; a person has to approve it, because {obstacle}."
    assert (found.decision, found.approval, found.reason) == ("register", "person", reason)
    missed = decide(contract, 61_000.0, Comparison("incomparable", "rmse", obstacle, 3))
    assert (missed.decision, missed.approval) == ("reject", "stage")


@pytest.mark.parametrize("verdict", ["better", "not_worse"])
def test_a_version_that_was_compared_starts_as_the_stage_says(contract: Contract, verdict: Any) -> None:
    assert decide(contract, 40_982.0, Comparison(verdict, "rmse", "words", **COMPARED)).approval == "stage"
    assert decide(contract, 40_982.0, NONE).approval == "stage"


def test_the_champion_once_more_is_nothing_to_register(contract: Contract) -> None:
    found = decide(contract, 41_200.0, Comparison("same", "rmse", "byte for byte version 3", 3))
    assert found.decision == "unchanged"
    assert found.reason == (
        "The model is byte for byte version 3: nothing to register. "
        "Test RMSE 41,200 USD is within the limit of 60,000 USD."
    )


def test_a_reason_is_what_the_registry_takes_as_a_description(contract: Contract) -> None:
    """The level's name is a person's: it may hold anything."""
    long = replace(NONE, verdict="incomparable", model_version=3, reason="worse where x is a\n\tb\x07c" + "é" * 2000)
    found = decide(contract, 1.0, long).reason
    assert len(found) == 1024
    assert "worse where x is a b cééé" in found
    assert found.endswith("é...")
