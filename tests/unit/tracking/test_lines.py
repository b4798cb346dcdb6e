"""Lines carry the ids of what they are about, those of one invocation never the ids of another."""

from __future__ import annotations

import logging

import pytest

from tracking import lines

log = lines.logger("tracking.test")


@lines.invocation(log)
def handler(run_id: str, *, fails: bool = False) -> str:
    log.info("Started")
    lines.about(run_id=run_id)
    log.info("Found", extra={"rows": 3})
    if fails:
        raise ValueError("no such bucket")
    return run_id


def ids(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str | None]]:
    return [(record.message, getattr(record, "run_id", None)) for record in caplog.records]


def test_lines_carry_the_run_from_where_it_is_known(caplog: pytest.LogCaptureFixture) -> None:
    assert [handler("aa"), handler("bb")] == ["aa", "bb"]
    assert ids(caplog) == [("Started", None), ("Found", "aa"), ("Started", None), ("Found", "bb")]


def test_an_exception_is_logged_with_the_run_and_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ValueError, match="no such bucket"):
        handler("aa", fails=True)
    last = caplog.records[-1]
    assert (last.message, last.levelno, last.__dict__["run_id"]) == ("Failed", logging.ERROR, "aa")
    assert last.__dict__["error"] == "ValueError: no such bucket"


def test_an_unknown_run_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    handler("")
    assert ids(caplog) == [("Started", None), ("Found", None)]
