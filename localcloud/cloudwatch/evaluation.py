"""Whether a metric alarm is in ALARM: periods, missing data and the number of breaching datapoints, as on AWS."""

import datetime
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localcloud.events.clock import scaled
from localcloud.ministack import cloudwatch

# A scaled period stays long enough for timestamps of whole seconds.
SHORTEST_PERIOD_SECONDS = 2.0
_COMPARISONS: Mapping[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}

Alarm = Mapping[str, Any]
Point = Mapping[str, Any]


@dataclass(frozen=True)
class Verdict:
    state: str
    reason: str


def period_seconds(alarm: Alarm) -> float:
    """The alarm's period in local seconds."""
    return max(scaled(alarm.get("Period", 60)), SHORTEST_PERIOD_SECONDS)


def evaluate(alarm: Alarm, points: Sequence[Point], now: float) -> Verdict | None:
    """The state that the points of the alarm's metric call for; None: it keeps the one that it has."""
    if alarm.get("ComparisonOperator") not in _COMPARISONS:
        return None
    values = _datapoints(alarm, points, now)
    missing, treatment = values.count(None), alarm.get("TreatMissingData", "missing")
    present = [value for value in values if value is not None]
    if not present and treatment in ("missing", "ignore"):
        plural = "datapoint was" if missing == 1 else "datapoints were"
        reason = f"Insufficient Data: {missing} {plural} unknown."
        return Verdict("INSUFFICIENT_DATA", reason) if treatment == "missing" else None
    compare, words = _COMPARISONS[alarm["ComparisonOperator"]]
    threshold = float(alarm.get("Threshold", 0))
    breaching = [value for value in present if compare(value, threshold)]
    needed = alarm.get("DatapointsToAlarm") or len(values)
    filled = len(breaching) + (missing if treatment == "breaching" else 0)
    if treatment == "missing":
        # With fewer datapoints than are needed, those that there are must all breach.
        needed = min(needed, len(present))
    elif treatment == "ignore" and len(present) < needed <= len(breaching) + missing:
        return None
    state = "ALARM" if filled >= needed else "OK"
    if not present:
        return Verdict(state, _missing_reason(missing, treatment))
    return Verdict(
        state, _reason(state, breaching if state == "ALARM" else present, len(values), words, threshold, now)
    )


def _datapoints(alarm: Alarm, points: Sequence[Point], now: float) -> list[float | None]:
    """One value a period, the newest first. The periods end now, so that a breach shows at once."""
    length, unit = period_seconds(alarm), alarm.get("Unit")
    statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic", "Average")
    slots: list[list[Point]] = [[] for _ in range(alarm.get("EvaluationPeriods", 1))]
    for point in points:
        position = int((now - point["Timestamp"]) // length)
        if 0 <= position < len(slots) and (not unit or point.get("Unit") == unit):
            slots[position].append(point)
    return [cloudwatch.statistic(statistic, slot) if slot else None for slot in slots]


def _reason(state: str, shown: Sequence[float], total: int, words: str, threshold: float, now: float) -> str:
    moment = datetime.datetime.fromtimestamp(now, datetime.UTC).strftime("%d/%m/%y %H:%M:%S")
    verb = "was" if len(shown) == 1 else "were"
    listed = ", ".join(f"{value} ({moment})" for value in shown)
    negation = "" if state == "ALARM" else "not "
    return (
        f"Threshold Crossed: {len(shown)} out of the last {total} datapoints [{listed}] {verb} {negation}{words} "
        f"the threshold ({threshold})."
    )


def _missing_reason(missing: int, treatment: str) -> str:
    shown = "Breaching" if treatment == "breaching" else "NonBreaching"
    periods = "period" if missing == 1 else "periods"
    plural = "datapoint was" if missing == 1 else "datapoints were"
    return (
        f"Threshold Crossed: no datapoints were received for {missing} {periods} and {missing} missing {plural} "
        f"treated as [{shown}]."
    )
