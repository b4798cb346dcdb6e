"""Holders of API keys: what each may ask, and how long a record is believed."""

from __future__ import annotations

import json
import logging

import pytest

from stacks.constructs import api_functions
from tracking import callers
from tracking.callers import SECONDS, Caller, Callers, known_callers, record_of

APP = Caller("app-1", ("housing",), "predict")


class Records:
    """Texts by key; `broken` while they cannot be read."""

    def __init__(self, **texts: str) -> None:
        self.texts = {record_of(key_id): text for key_id, text in texts.items()}
        self.broken, self.reads, self.now = False, 0, 0.0
        self.callers = Callers(
            known_callers("k1=page,k2=cli"), self.read, unavailable=ConnectionError, clock=lambda: self.now
        )

    def read(self, key: str) -> str | None:
        self.reads += 1
        if self.broken:
            raise ConnectionError("S3")
        return self.texts.get(key)


@pytest.mark.parametrize(
    ("caller", "model", "use", "refusal"),
    [
        (Caller("page"), "housing", "predict", ""),
        (Caller("page"), None, "read", ""),
        (APP, "housing", "predict", ""),
        (APP, "housing", None, ""),
        (APP, None, None, ""),
        (APP, "cancer", "predict", "The key app-1 is not for cancer, but for housing."),
        (APP, "housing", "read", "The key app-1 is not for runs, versions and monitoring, but for predictions alone."),
        (Caller("eye", None, "read"), "housing", "read", ""),
        (Caller("eye", None, "read"), "housing", None, ""),
        (
            *(Caller("eye", None, "read"), "housing", "predict"),
            "The key eye is not for predictions, but for runs, versions and monitoring alone.",
        ),
    ],
)
def test_a_key_is_for_what_its_record_says(caller: Caller, model: str | None, use: str | None, refusal: str) -> None:
    assert caller.refusal(model, use) == refusal  # type: ignore[arg-type]


def test_a_record_comes_back_as_it_was_written() -> None:
    for caller in (APP, Caller("all")):
        assert Caller.from_json(caller.to_json()) == caller


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"name": "a", "models": "all", "use": null}', '{"name": "a", "models": null, "use": "write"}'],
)
def test_what_is_no_record_is_for_nothing(text: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        assert Records(k3=text).callers.of("k3") is None
    assert "Record not understood" in caplog.text


def test_keys_of_the_deployment_are_for_everything_and_cost_no_read() -> None:
    records = Records()
    assert [records.callers.of(key_id) for key_id in ("k1", "k2")] == [Caller("page"), Caller("cli")]
    assert records.reads == 0


def test_a_record_is_read_again_when_it_is_old() -> None:
    records = Records(k3=APP.to_json())
    assert [records.callers.of("k3"), records.callers.of("k3")] == [APP, APP]
    assert records.reads == 1
    records.texts = {}
    records.now = SECONDS + 1
    assert records.callers.of("k3") is None


def test_a_key_without_a_record_is_not_asked_for_again_and_again() -> None:
    records = Records()
    assert [records.callers.of("k9") for _ in range(5)] == [None] * 5
    assert records.reads == 1


def test_while_records_cannot_be_read_the_one_before_counts() -> None:
    records = Records(k3=APP.to_json())
    records.callers.of("k3")
    records.broken, records.now = True, SECONDS + 1
    assert records.callers.of("k3") == APP
    with pytest.raises(ConnectionError):
        records.callers.of("k4")


def test_functions_may_read_where_records_are_kept() -> None:
    assert api_functions.RECORDS == callers.RECORDS


def test_a_record_holds_no_value_of_a_key() -> None:
    assert json.loads(APP.to_json()).keys() == {"name", "models", "use"}
