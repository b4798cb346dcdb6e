"""The versions of a model: what is live, what the gate said, and the evaluation of one."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from frontend import session, states
from frontend.answers import Summary
from frontend.formatting import IN_UNITS, NOTHING, amount, metric_name, metric_value, moment, share, title
from frontend.heading import page
from frontend.records import Version, VersionDetail
from frontend.results import readable
from frontend.words import escaped

COLOURS = {"Approved": "green", "Rejected": "red", "PendingManualApproval": "orange"}
WORDS = {"PendingManualApproval": "waits for approval"}


def _models(summary: Summary) -> None:
    found = session.versions(summary.name)
    if not found:
        states.no_model_live(summary)
        return
    chosen = _table(found, summary)
    _version(summary, session.version(summary.name, chosen.number))


def _table(found: tuple[Version, ...], summary: Summary) -> Version:
    """Every version, newest first. Returns the selected one; the live one, or else the newest, before a selection."""
    event = st.dataframe(
        readable(versions_frame(found), ("Metric",)),
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key=f"versions:{summary.name}",
        column_config={
            "Version": st.column_config.NumberColumn(width="small"),
            "Metric": st.column_config.NumberColumn(_metric_label(found, summary), format="localized"),
            "Created": st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm"),
            "Gate": st.column_config.TextColumn(width="large"),
        },
    )
    rows = event.selection.rows
    if rows:
        return found[rows[0]]
    return next((version for version in found if version.live), found[0])


def versions_frame(found: tuple[Version, ...]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Version": [v.number for v in found],
            "State": [f"\u25cf {v.deployment}" if v.live else v.deployment for v in found],
            "Metric": [v.metric.value if v.metric else None for v in found],
            "Created": [v.created for v in found],
            "Gate": [v.gate_reason for v in found],
            "Run": [v.run_id for v in found],
        }
    )


def _metric_label(found: tuple[Version, ...], summary: Summary) -> str:
    name = next((v.metric.name for v in found if v.metric), "")
    units = {_unit(version, summary) for version in found if version.metric}
    # Numbers of one column that are in several units have their unit beside the version alone.
    unit = f" ({units.pop()})" if name in IN_UNITS and len(units) == 1 and "" not in units else ""
    return f"{metric_name(name)}{unit}" if name else "Metric"


def _unit(version: Version, summary: Summary) -> str:
    """What its own contract says; an older version's evaluation does not say it."""
    return summary.target.unit if version.unit is None else version.unit


def _version(summary: Summary, detail: VersionDetail) -> None:
    version = detail.version
    st.subheader(f"Version {version.number}", anchor=False)
    badges = [
        f":{COLOURS.get(version.approval, 'gray')}-badge[{escaped(WORDS.get(version.approval, version.approval))}]"
    ]
    if version.live and version.deployment == "live":
        badges.insert(0, ":blue-badge[:material/check: live]")
    elif version.deployment not in ("", WORDS.get(version.approval)):
        badges.append(f":{'orange' if version.live else 'gray'}-badge[{escaped(version.deployment)}]")
    st.markdown(" ".join(badges))
    _metrics(summary, detail)
    _reasons(version)
    left, right = st.columns([3, 2], gap="large")
    with left:
        _plots(detail)
    with right:
        _slices(summary, detail)
        _lineage(detail)


def _metrics(summary: Summary, detail: VersionDetail) -> None:
    unit = _unit(detail.version, summary)
    with st.container(horizontal=True, gap="medium"):
        for name, value in detail.metrics.items():
            interval = detail.intervals.get(name)
            low_high = " to ".join(metric_value(name, float(limit)) for limit in interval) if interval else ""
            words = f"{share(float(detail.intervals.get('level', 0.95)))} interval: {low_high}" if interval else None
            st.metric(escaped(metric_name(name)), escaped(metric_value(name, value, unit)), help=words, width="content")


def _reasons(version: Version) -> None:
    lines = [("Gate", version.gate_reason), ("Deployment", version.deployment_reason)]
    decided = f"{version.decision_reason} ({version.decided_by})" if version.decided_by else version.decision_reason
    for name, text in [*lines, ("Decision", decided)]:
        if text:
            st.markdown(f"**{name}** {escaped(text)}")


def _plots(detail: VersionDetail) -> None:
    if not detail.plots:
        st.caption("The evaluation of this version has no plots.")
    for plot in detail.plots:
        # The browser fetches it from S3 by the signed address; reports are drawn on white.
        st.image(plot.url, caption=escaped(plot.title))
    if detail.report_url:
        st.link_button("Evaluation report", detail.report_url, icon=":material/open_in_new:")


def _slices(summary: Summary, detail: VersionDetail) -> None:
    if not detail.slices:
        return
    st.markdown("**By slice**")
    frame = pd.DataFrame(list(detail.slices))
    frame = readable(frame, [name for name in frame.columns if name not in ("name", "value", "rows")])
    names = {name: title(name) if name in ("name", "value", "rows") else metric_name(name) for name in frame.columns}
    if "name" in frame:
        frame["name"] = frame["name"].map(lambda text: title(str(text)))
    numbers = {
        label: st.column_config.NumberColumn(format="localized") for name, label in names.items() if name in IN_UNITS
    }
    frame = frame.rename(columns=names | {"name": "Column", "value": "Rows where"})
    st.dataframe(frame, hide_index=True, column_config=numbers, key="slices")
    if unit := _unit(detail.version, summary):
        st.caption(escaped(f"Errors in {unit}."))


def _lineage(detail: VersionDetail) -> None:
    st.markdown("**Where it comes from**")
    rows = {"created": moment(detail.version.created), **detail.lineage}
    frame = pd.DataFrame({"": [title(name) for name in rows], "Value": [_short(value) for value in rows.values()]})
    st.dataframe(frame, hide_index=True, key="lineage")


def _short(value: str) -> str:
    try:
        number = float(value)
    except ValueError:
        return value or NOTHING
    return value if number.is_integer() else amount(number)


page("Models", _models)
