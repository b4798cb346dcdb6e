"""Limits of single attempts that take minutes in the running local cloud."""

import pytest

from localcloud import platform
from localcloud.glue import execution, records, triggers
from localcloud.glue.records import JobRun
from localcloud.process import Process


@pytest.fixture
def sleeping(monkeypatch: pytest.MonkeyPatch, tmp_path):
    """A launch that starts a process of a minute instead of a job."""
    monkeypatch.setenv("LOCALCLOUD_STATE", str(tmp_path))
    monkeypatch.setattr(execution, "TIMEOUT_UNIT_SECONDS", 0.05)
    monkeypatch.setattr(execution, "_launch", lambda *_: Process(["sleep", "60"], env={}, cwd=tmp_path))


def test_a_job_that_runs_too_long_is_timed_out(sleeping):
    outcome = execution.run_attempt({}, JobRun(Id="jr_1", Timeout=2), {})

    assert outcome == execution.Outcome("TIMEOUT", "Job run timed out")


def test_a_role_without_trust_fails_the_attempt(monkeypatch, tmp_path):
    def refuse(*_: object, **__: object) -> None:
        raise platform.AccessDenied("etl", "sts:AssumeRole", "arn:role")

    monkeypatch.setenv("LOCALCLOUD_STATE", str(tmp_path))
    monkeypatch.setattr(platform, "role_credentials", refuse)
    job = {"Role": "etl", "Command": {"Name": "glueetl", "ScriptLocation": "s3://b/k"}}
    outcome = execution.run_attempt(job, JobRun(Id="jr_2", Timeout=1), {})

    assert outcome.message == "User: etl is not authorized to perform: sts:AssumeRole on resource: arn:role"


def test_commands_of_other_engines_are_refused_by_name(monkeypatch, tmp_path):
    monkeypatch.setenv("LOCALCLOUD_STATE", str(tmp_path))
    outcome = execution.run_attempt({"Role": "r", "Command": {"Name": "glueray"}}, JobRun(Id="jr_3", Timeout=1), {})

    assert outcome.state == "FAILED"
    assert outcome.message.startswith("Command glueray is not supported by the local Glue")


def trigger(logical: str | None, *states: tuple[str, str], state: str = "ACTIVATED") -> dict:
    conditions = [{"LogicalOperator": "EQUALS", "JobName": name, "State": wanted} for name, wanted in states]
    predicate = {"Conditions": conditions} | ({"Logical": logical} if logical else {})
    return {"Name": "t", "Type": "CONDITIONAL", "State": state, "Predicate": predicate}


@pytest.mark.parametrize(
    ("made", "met"),
    [
        (trigger(None, ("a", "SUCCEEDED")), True),
        (trigger(None, ("b", "SUCCEEDED")), False),
        (trigger("AND", ("a", "SUCCEEDED"), ("b", "FAILED")), True),
        (trigger("AND", ("a", "SUCCEEDED"), ("c", "FAILED")), False),
        (trigger("ANY", ("a", "FAILED"), ("b", "FAILED")), True),
        (trigger("ANY", ("a", "FAILED"), ("c", "FAILED")), False),
        (trigger(None, ("a", "SUCCEEDED"), state="CREATED"), False),
        (trigger("AND"), False),
    ],
)
def test_conditional_triggers_fire_by_their_predicate(made, met):
    assert triggers.is_met(made, {"a": "SUCCEEDED", "b": "FAILED"}) is met


def test_run_ids_have_the_form_of_glue():
    assert len(records.new_id("jr")) == 67
