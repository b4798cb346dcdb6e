"""The endpoint over time: requests, latency, errors, what is unusual, and the alarms."""

from __future__ import annotations

from datetime import timedelta

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from frontend import session, states
from frontend.answers import Summary
from frontend.colours import of_theme
from frontend.formatting import NOTHING, ago, amount, plural, title
from frontend.heading import page
from frontend.records import Alarm, Endpoint, Monitoring, Series
from frontend.seriescharts import scaled, series_chart
from frontend.times import now
from frontend.words import escaped

SPANS = {"1 hour": 1, "1 day": 24, "1 week": 168}
TITLES = {
    "Invocations": "Requests",
    "ModelLatency": "Latency of the model",
    "Invocation4XXErrors": "Refused requests (4xx)",
    "Invocation5XXErrors": "Failed requests (5xx)",
    "OverheadLatency": "Latency of SageMaker around it",
}
ALARMS = {"OK": ("green", "ok"), "ALARM": ("red", "alarm"), "INSUFFICIENT_DATA": ("gray", "not enough data")}
STATUS = {"InService": "green", "Failed": "red"}
MOVING = 30.0


def _monitoring(summary: Summary) -> None:
    span = st.segmented_control(
        "Time span", list(SPANS), default="1 day", required=True, key="span", label_visibility="collapsed"
    )
    st.fragment(_live, run_every=MOVING)(summary, SPANS[span or "1 day"])


def _live(summary: Summary, hours: int) -> None:
    with states.shown(retry="retry-monitoring"):
        found = session.monitoring(summary.name, hours)
        if found.endpoint is None:
            states.no_model_live(summary)
            return
        _endpoint(found.endpoint, found)
        _charts(found.metrics, hours)
        _alarms(found.alarms)


def _endpoint(endpoint: Endpoint, found: Monitoring) -> None:
    tone = STATUS.get(endpoint.status, "orange")
    st.markdown(
        f":{tone}-badge[{escaped(endpoint.status)}] **{escaped(endpoint.name)}** "
        f":gray[{escaped(endpoint.mode)}, changed {ago(endpoint.updated, now())}]"
    )
    if endpoint.state not in ("", "live"):
        st.warning(escaped(f"The version that answers: {endpoint.state}."), icon=":material/warning:")
    requests = _sum(found.metrics, "Invocations")
    errors = _sum(found.metrics, "Invocation4XXErrors") + _sum(found.metrics, "Invocation5XXErrors")
    with st.container(horizontal=True, gap="medium"):
        st.metric("Version", NOTHING if endpoint.version is None else str(endpoint.version), width="content")
        st.metric("Requests", f"{requests:,.0f}", width="content")
        st.metric("Errors", f"{errors:,.0f}", width="content")
        latency = next((s for s in found.metrics if s.name == "ModelLatency"), None)
        if latency and latency.points:
            shown = scaled(latency)
            middle = sorted(value for _, value in shown.points)[len(shown.points) // 2]
            st.metric("Latency, median", escaped(f"{middle:.1f} {shown.unit}"), width="content")
        if found.alarms:
            ringing = sum(1 for alarm in found.alarms if alarm.state == "ALARM")
            st.metric("Alarms", f"{ringing} of {len(found.alarms)}", width="content")


def _sum(metrics: tuple[Series, ...], name: str) -> float:
    return sum(value for series in metrics if series.name == name for _, value in series.points)


def _charts(metrics: tuple[Series, ...], hours: int) -> None:
    order = list(TITLES)
    drawn = [series for series in metrics if series.points]
    drawn.sort(key=lambda series: order.index(series.name) if series.name in order else len(order))
    if not drawn:
        states.empty(
            ":material/monitoring:",
            "No requests in this time",
            "Requests, latency and errors appear here a minute or two after the first prediction.",
        )
        return
    for start in range(0, len(drawn), 2):
        # Row by row, so that a narrow screen keeps the order.
        for series, column in zip(drawn[start : start + 2], st.columns(2, gap="medium"), strict=False):
            _chart(series, column, hours)


def _chart(series: Series, column: DeltaGenerator, hours: int) -> None:
    end, colours = now(), of_theme(st.context.theme.type)
    chart = series_chart(series, colours, start=end - timedelta(hours=hours), end=end)
    with column, st.container(border=True):
        st.markdown(f"**{escaped(TITLES.get(series.name, title(series.name)))}**")
        st.altair_chart(chart, key=f"chart:{series.name}")
        st.caption(_words(series))


def _words(series: Series) -> str:
    words = [f"{escaped(series.statistic)} over {plural(round(series.period_seconds / 60) or 1, 'minute')}"]
    if series.expected:
        shown = scaled(series)
        assert shown.expected is not None
        words.append(
            f"usual: {amount(max(0.0, shown.expected[0]))} to {escaped(amount(shown.expected[1], shown.unit))}"
        )
    if series.anomalies:
        words.append(f":red[{plural(len(series.anomalies), 'unusual point')}]")
    return " · ".join(words)


def _alarms(alarms: tuple[Alarm, ...]) -> None:
    st.subheader("Alarms", anchor=False)
    if not alarms:
        st.caption("This endpoint has no alarms.")
    for alarm in sorted(alarms, key=lambda item: (item.state != "ALARM", item.name)):
        tone, word = ALARMS.get(alarm.state, ("gray", alarm.state.lower()))
        with st.container(border=True):
            st.markdown(f":{tone}-badge[{escaped(word)}] **{escaped(alarm.name)}** :gray[{ago(alarm.updated, now())}]")
            text = " ".join(f"{part.rstrip('.')}." for part in (alarm.description, alarm.reason) if part)
            if text:
                st.caption(escaped(text))


page("Monitoring", _monitoring)
