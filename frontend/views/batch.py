"""Predictions for a file: preview, progress, what was refused and why, a map and a download."""

from __future__ import annotations

import hashlib
import statistics
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from frontend import batches, session, states
from frontend.answers import Model, Summary
from frontend.batches import Outcome
from frontend.batchfile import BatchFile, FileError, read, template
from frontend.colours import of_theme, on_ramp
from frontend.formatting import NOTHING, amount, plural, share
from frontend.forms import coordinates_of
from frontend.heading import page
from frontend.maps import Legend, Mark, around, show
from frontend.results import (
    REASON,
    predicted_column,
    predicted_label,
    readable,
    rejected_frame,
    results_frame,
)

PREVIEW_ROWS = 8
MOST_POINTS = 5000


def _batch(summary: Summary) -> None:
    if summary.live is None:
        states.no_model_live(summary.name)
        return
    model = session.model(summary.name)
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    upload = left.file_uploader("A CSV file with one record a row", type="csv", key=f"file:{model.name}")
    right.download_button(
        "Template",
        template(model),
        file_name=f"{model.name}-template.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        help="The model's columns and one example row",
    )
    if upload is None:
        _explain(model)
        return
    content = upload.getvalue()
    try:
        file = read(content, model)
    except FileError as error:
        states.empty(":material/block:", "The file cannot be used", states.escaped(str(error)))
        return
    _file(model, file, key=f"{model.name}:{hashlib.sha256(content).hexdigest()}")


def _explain(model: Model) -> None:
    names = ", ".join(f"`{feature.name}`" for feature in model.features)
    states.empty(
        ":material/table_rows:",
        "Many at once",
        f"The first line names the columns, in any order: {names}. Other columns are kept and not used. "
        f"The rows go to the API in requests of {model.max_instances}; a row that cannot be predicted is listed "
        "with its reason, and the others are predicted all the same.",
    )


def _file(model: Model, file: BatchFile, *, key: str) -> None:
    outcomes: dict[str, Outcome] = st.session_state.setdefault("outcomes", {})
    outcome = outcomes.get(key)
    if outcome is None or outcome.stopped:
        _preview(file)
    words = f"Predict {plural(len(file.rows), 'row')}" if outcome is None else "Predict again"
    if st.button(words, type="primary" if outcome is None else "secondary", icon=":material/bolt:", key="start"):
        outcome = _run(model, file)
        outcomes[key] = outcome
        st.rerun()
    if outcome:
        _outcome(model, file, outcome)


def _preview(file: BatchFile) -> None:
    st.dataframe(
        pd.DataFrame([row.cells for row in file.rows[:PREVIEW_ROWS]], columns=list(file.columns)),
        hide_index=True,
        key="preview",
    )
    shown = min(PREVIEW_ROWS, len(file.rows))
    words = [f"The first {shown} of {plural(len(file.rows), 'row')}."]
    if bad := sum(1 for row in file.rows if row.problems):
        words.append(f"{plural(bad, 'row')} cannot be sent.")
    if file.ignored:
        words.append(f"Not used by the model: {', '.join(file.ignored)}.")
    st.caption(states.escaped(" ".join(words)))


def _run(model: Model, file: BatchFile) -> Outcome:
    bar = st.progress(0.0, text="Asking the API")
    predict = partial(session.api().predict, model.name)
    outcome = Outcome(total=len(file.rows))
    for outcome in batches.run(file.rows, predict, size=model.max_instances):
        words = outcome.waiting or f"{outcome.done:,} of {plural(outcome.total, 'row')}"
        bar.progress(outcome.done / outcome.total, text=words)
    bar.empty()
    return outcome


def _outcome(model: Model, file: BatchFile, outcome: Outcome) -> None:
    if outcome.stopped:
        states.show_error(outcome.stopped, retry="retry-batch")
        st.caption(f"{plural(outcome.done, 'row')} were done before; press Predict again for all of them.")
    with st.container(horizontal=True, gap="large"):
        st.metric("Predicted", f"{len(outcome.predictions):,}", width="content")
        st.metric("Refused", f"{len(outcome.rejects):,}", width="content")
        st.metric("Model version", ", ".join(sorted(outcome.versions)) or NOTHING, width="content")
        if outcome.predictions and model.summary.task == "regression":
            median = statistics.median(item.value for item in outcome.predictions.values())
            st.metric("Median", amount(median, model.target.unit), width="content")
    if outcome.predictions:
        _results(model, results_frame(model, file, outcome))
    if outcome.rejects:
        _rejects(model, rejected_frame(file, outcome))


def _results(model: Model, frame: pd.DataFrame) -> None:
    st.subheader("Results", anchor=False)
    _map(model, frame)
    value, unit = predicted_column(model), f" ({model.target.unit})" if model.target.unit else ""
    config: dict[str, Any] = {
        value: st.column_config.NumberColumn(predicted_label(model), format="localized"),
        "low": st.column_config.NumberColumn(f"Low{unit}", format="localized"),
        "high": st.column_config.NumberColumn(f"High{unit}", format="localized"),
    }
    st.dataframe(readable(frame, (value, "low", "high")), hide_index=True, key="results", column_config=config)
    st.download_button(
        "Download results",
        frame.to_csv(index=False),
        file_name=f"{model.name}-predictions.csv",
        mime="text/csv",
        type="primary",
        icon=":material/download:",
        on_click="ignore",
    )


def _map(model: Model, frame: pd.DataFrame) -> None:
    coordinates = coordinates_of(model.features)
    if coordinates is None:
        return
    columns = [coordinates.longitude.name, coordinates.latitude.name, predicted_column(model)]
    places = frame[columns].apply(pd.to_numeric, errors="coerce").dropna()
    if len(places) > MOST_POINTS:
        st.caption(f"The map shows {MOST_POINTS:,} of {plural(len(places), 'row')}, drawn at random.")
        places = places.sample(MOST_POINTS, random_state=0)
    if places.empty:
        return
    words = share if model.summary.task == "binary" else amount
    ramp = of_theme(st.context.theme.type).ramp
    low, high = places[columns[2]].min(), places[columns[2]].max()
    marks = [
        Mark(x, y, words(value), on_ramp(ramp, (value - low) / ((high - low) or 1.0)))
        for x, y, value in places.itertuples(index=False)
    ]
    legend = Legend(title=predicted_label(model), low=words(low), high=words(high), ramp=ramp)
    show(key="map", box=around(marks, coordinates.bounds), marks=marks, legend=legend)


def _rejects(model: Model, frame: pd.DataFrame) -> None:
    st.subheader("Refused rows", anchor=False)
    st.dataframe(frame, hide_index=True, key="rejects", column_config={"line": "Line", REASON: "Why"})
    st.download_button(
        "Download refused rows",
        frame.to_csv(index=False),
        file_name=f"{model.name}-refused.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )


page("Batch", _batch)
