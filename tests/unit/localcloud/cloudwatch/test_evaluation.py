"""When an alarm is in ALARM: datapoints, missing data, comparisons."""

from typing import Any

import pytest

from localcloud.cloudwatch import evaluation

NOW = 1_000_000.0
# Local seconds: the shortest period.
PERIOD = evaluation.SHORTEST_PERIOD_SECONDS


def alarm(**members: Any) -> dict[str, Any]:
    return {
        "AlarmName": "errors",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 3,
        "Threshold": 2.0,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "missing",
        **members,
    }


def points(values: str, **members: Any) -> list[dict[str, Any]]:
    """ "X-0": a breaching datapoint two periods ago, none in the last, a harmless one now."""
    found = []
    for age, value in enumerate(reversed(values)):
        if value != "-":
            moment = NOW - (age + 0.5) * PERIOD
            found.append({"Timestamp": moment, "Value": 2.0 if value == "X" else 0.0, "Unit": "Count", **members})
    return found


def state(values: str, **members: Any) -> str | None:
    verdict = evaluation.evaluate(alarm(**members), points(values), NOW)
    return verdict.state if verdict else None


# The columns of AWS's table: missing, ignore, breaching, notBreaching; None keeps the state.
@pytest.mark.parametrize(
    ("values", "states"),
    [
        ("XXX", ("ALARM", "ALARM", "ALARM", "ALARM")),
        ("0X0", ("OK", "OK", "OK", "OK")),
        ("--X", ("ALARM", None, "ALARM", "OK")),
        ("--0", ("OK", "OK", "OK", "OK")),
        ("---", ("INSUFFICIENT_DATA", None, "ALARM", "OK")),
    ],
)
def test_missing_data_is_treated_as_the_alarm_says(values: str, states: tuple[str | None, ...]) -> None:
    treatments = ("missing", "ignore", "breaching", "notBreaching")
    assert tuple(state(values, TreatMissingData=treatment) for treatment in treatments) == states


def test_some_of_the_datapoints_may_be_enough() -> None:
    assert state("X0X") == "OK"
    assert state("X0X", DatapointsToAlarm=2) == "ALARM"
    assert state("X---", DatapointsToAlarm=1, TreatMissingData="notBreaching") == "OK", "older than three periods"


@pytest.mark.parametrize(
    ("comparison", "expected"),
    [
        ("GreaterThanOrEqualToThreshold", "ALARM"),
        ("GreaterThanThreshold", "OK"),
        ("LessThanThreshold", "OK"),
        ("LessThanOrEqualToThreshold", "ALARM"),
        ("LessThanLowerThreshold", None),
    ],
)
def test_comparisons(comparison: str, expected: str | None) -> None:
    assert state("X", ComparisonOperator=comparison, EvaluationPeriods=1) == expected


def test_statistics_are_of_one_period_and_one_unit() -> None:
    found = [*points("X"), *points("X", Count=3.0), *points("X", Unit="Seconds")]
    one = evaluation.evaluate(alarm(EvaluationPeriods=1, Unit="Count", Threshold=8.0), found, NOW)
    assert one is not None
    assert one.state == "ALARM"
    assert one.reason == (
        "Threshold Crossed: 1 out of the last 1 datapoints [8.0 (12/01/70 13:46:40)] was greater than or equal to the "
        "threshold (8.0)."
    )
    average = evaluation.evaluate(alarm(EvaluationPeriods=1, Statistic="Average", Threshold=2.1), found, NOW)
    assert average is not None and average.state == "OK"
    assert "not greater than or equal to the threshold (2.1)" in average.reason


def test_a_period_is_scaled_but_not_below_two_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    assert evaluation.period_seconds({"Period": 60}) == 2.0
    assert evaluation.period_seconds({"Period": 300}) == 3.0
    monkeypatch.setenv("LOCALCLOUD_TIME_SCALE", "1")
    assert evaluation.period_seconds({"Period": 60}) == 60.0
