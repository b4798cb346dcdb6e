"""Metrics of the endpoint over time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import altair as alt
import pandas as pd

from frontend.colours import Colours
from frontend.records import Series
from frontend.words import chart_title

LATENCIES = ("ModelLatency", "OverheadLatency")
UNITS = {"None": "", "Count": "", "Microseconds": "ms", "Milliseconds": "ms"}
HEIGHT = 190
DAY_SECONDS = 86_400
# A bar is as long as its period, less a gap to the next one.
BAR_SHARE = 0.85
MOST_DOTS = 40


def scaled(series: Series) -> Series:
    """In the unit that a person reads: SageMaker counts latency in microseconds."""
    factor = 0.001 if series.unit == "Microseconds" else 1.0
    low_high = series.expected and (series.expected[0] * factor, series.expected[1] * factor)
    points = tuple((time, value * factor) for time, value in series.points)
    return replace(series, unit=UNITS.get(series.unit, series.unit), points=points, expected=low_high)


def series_frame(series: Series) -> pd.DataFrame:
    """time, until (a little before the next period), value, anomaly."""
    length = timedelta(seconds=BAR_SHARE * (series.period_seconds or 60))
    return pd.DataFrame(
        {
            "time": [time for time, _ in series.points],
            "until": [time + length for time, _ in series.points],
            "value": [value for _, value in series.points],
            "anomaly": [time in series.anomalies for time, _ in series.points],
        }
    )


def series_chart(series: Series, colours: Colours, *, start: datetime, end: datetime) -> Any:
    """Bars for counts, a line for latency; the usual range behind it and unusual points on it."""
    shown = scaled(series)
    frame = series_frame(shown)
    y, x = _value_axis(shown), _time_axis(start, end)
    tips = [
        alt.Tooltip("time:T", format="%d %b %H:%M", title="Time"),
        alt.Tooltip("value:Q", format=",.4~r", title=chart_title(f"Value {shown.unit}")),
    ]
    base = alt.Chart(frame).encode(x=x, y=y, tooltip=tips)
    if series.name in LATENCIES:
        dots = alt.OverlayMarkDef(size=22, color=colours.accent) if len(frame) <= MOST_DOTS else False
        drawn: Any = base.mark_line(color=colours.accent, strokeWidth=2, point=dots, clip=True)
    else:
        drawn = base.encode(x2="until:T", y2=alt.datum(0)).mark_rect(color=colours.accent, clip=True)
    layers: list[Any] = [drawn]
    if shown.expected:
        low, high = max(0.0, shown.expected[0]), shown.expected[1]
        band = alt.Chart(pd.DataFrame({"low": [low], "high": [high]}))
        layers.insert(0, band.mark_rect(color=colours.muted, opacity=0.22).encode(y=alt.Y("low:Q"), y2="high:Q"))
    if frame["anomaly"].any():
        odd = alt.Chart(frame[frame["anomaly"]]).encode(x="time:T", y="value:Q", tooltip=tips)
        layers.append(odd.mark_point(color=colours.bad, filled=True, size=90, opacity=1))
    return alt.layer(*layers).properties(height=HEIGHT)


def _value_axis(shown: Series) -> alt.Y:
    """From zero, and up to one at least: an axis of zeros alone has no length."""
    top = max([1.0, *(value for _, value in shown.points), *(shown.expected or ())])
    count = shown.name not in LATENCIES
    axis = alt.Axis(format="~s", tickCount=4, tickMinStep=1) if count else alt.Axis(format="~s", tickCount=4)
    return alt.Y(
        "value:Q", title=chart_title(shown.unit) or None, axis=axis, scale=alt.Scale(domain=[0, top * 1.05], nice=False)
    )


def _time_axis(start: datetime, end: datetime) -> alt.X:
    """The whole time that was asked for, whether something happened in it or not."""
    days = (end - start).total_seconds() > DAY_SECONDS
    axis = alt.Axis(tickCount=5, labelOverlap=True, format="%d %b" if days else "%H:%M")
    return alt.X("time:T", title=None, axis=axis, scale=alt.Scale(domain=[_date_time(start), _date_time(end)]))


def _date_time(time: datetime) -> alt.DateTime:
    """Vega-Lite takes neither text nor numbers as the ends of an axis of time."""
    at = time.astimezone(UTC)
    return alt.DateTime(
        year=at.year, month=at.month, date=at.day, hours=at.hour, minutes=at.minute, seconds=at.second, utc=True
    )
