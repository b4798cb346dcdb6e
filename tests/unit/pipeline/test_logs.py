"""A step's log lines: JSON, with the run from where it is known, the last one saying why the step failed."""

from __future__ import annotations

import json

import pytest

from steps import logs
from steps.failures import StepError, run


def test_a_failure_is_a_line_of_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    def step() -> None:
        logs.event("reading")
        logs.about(run_id="aa")
        raise StepError("train: no rows; upload more data")

    logs.configure(step="prepare")
    assert run(step) == 1
    out, err = capsys.readouterr()
    reading, failed = (json.loads(line) for line in out.splitlines())
    assert (reading["event"], reading["step"], "run_id" in reading) == ("reading", "prepare", False)
    assert (failed["event"], failed["level"], failed["run_id"]) == ("failed", "ERROR", "aa")
    assert failed["reason"] == err.strip() == "train: no rows; upload more data"


def test_the_ids_of_one_step_are_not_those_of_the_next(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(step="prepare")
    logs.about(run_id="aa")
    logs.configure(step="train")
    logs.event("trained")
    assert "run_id" not in json.loads(capsys.readouterr().out)
