"""Predictions for a file: preview, progress, what was refused and why, a map and a download."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from frontend import batches, session, states
from frontend.answers import Model, Summary
from frontend.batches import Outcome
from frontend.batchfile import KINDS, BatchFile, FileError, template
from frontend.colours import of_theme, on_ramp
from frontend.formatting import NOTHING, plural
from frontend.forms import coordinates_of
from frontend.heading import page
from frontend.maps import Legend, Mark, around, show
from frontend.outputs import HIGH, LOW, output_of
from frontend.results import (
    LINE,
    REASON,
    VERSION,
    added_columns,
    apart,
    places_frame,
    readable,
)
from frontend.upload import Predicted, Table, Upload, held
from frontend.words import code, escaped, file_name

PREVIEW_ROWS = 8
MOST_POINTS = 5000


def _batch(summary: Summary) -> None:
    if summary.live is None:
        states.no_model_live(summary)
        return
    model = session.model(summary.name)
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    uploaded = left.file_uploader(
        "A CSV file with one record a row, also packed with gzip, or a Parquet file",
        type=list(KINDS),
        key=f"file:{model.name}",
    )
    right.download_button(
        "Template",
        template(model),
        file_name=f"{file_name(model.name)}-template.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        help="The model's columns and one example row",
    )
    if uploaded is None:
        _explain(model)
        return
    try:
        _file(held(uploaded, model))
    except FileError as error:
        text = str(error)
        states.empty(":material/block:", "The file cannot be used", escaped(f"{text[:1].upper()}{text[1:]}."))


def _explain(model: Model) -> None:
    names = ", ".join(code(feature.column) for feature in model.features)
    states.empty(
        ":material/table_rows:",
        "Many at once",
        f"The first line names the columns, in any order: {names}. Other columns are kept and not used. "
        f"The rows go to the API in requests of {model.max_instances}; a row that cannot be predicted is listed "
        "with its reason, and the others are predicted all the same.",
    )


def _file(upload: Upload) -> None:
    predicted, file = upload.predicted, upload.file
    if predicted is None or predicted.outcome.stopped:
        _preview(file)
    words = f"Predict {plural(len(file.rows), 'row')}" if predicted is None else "Predict again"
    if st.button(words, type="primary" if predicted is None else "secondary", icon=":material/bolt:", key="start"):
        upload.keep(_run(upload.model, file))
        st.rerun()
    if predicted:
        _predicted(upload.model, file, predicted)


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
    words += [f"{warning[:1].upper()}{warning[1:]}." for warning in file.warnings]
    st.caption(escaped(" ".join(words)))


def _run(model: Model, file: BatchFile) -> Outcome:
    bar = st.progress(0.0, text="Asking the API")
    predict = partial(session.api().predict, model.name)
    outcome = Outcome(total=len(file.rows))
    for outcome in batches.run(file.rows, predict, size=model.max_instances):
        words = escaped(outcome.waiting) or f"{outcome.done:,} of {plural(outcome.total, 'row')}"
        bar.progress(outcome.done / outcome.total, text=words)
    bar.empty()
    return outcome


def _predicted(model: Model, file: BatchFile, predicted: Predicted) -> None:
    outcome = predicted.outcome
    if outcome.stopped:
        states.show_error(outcome.stopped, retry="retry-batch")
        st.caption(f"{plural(outcome.done, 'row')} were done before; press Predict again for all of them.")
    with st.container(horizontal=True, gap="large"):
        st.metric("Predicted", f"{len(outcome.predictions):,}", width="content")
        st.metric("Refused", f"{len(outcome.rejects):,}", width="content")
        st.metric("Model version", escaped(", ".join(sorted(outcome.versions))) or NOTHING, width="content")
        values = [item.value for item in outcome.predictions.values()]
        if values and (middle := output_of(model).middle(values)):
            st.metric("Median", escaped(middle), width="content")
    if outcome.predictions:
        _results(model, file, predicted)
    if outcome.rejects:
        _rejects(model, file, predicted.rejects)


def _results(model: Model, file: BatchFile, predicted: Predicted) -> None:
    table = predicted.results
    st.subheader("Results", anchor=False)
    _map(model, file, predicted.outcome)
    unit = f" ({model.target.unit})" if model.target.unit else ""
    output = output_of(model)
    labels = {output.column: output.label, LOW: f"Low{unit}", HIGH: f"High{unit}"}
    added = added_columns(model, predicted.outcome)
    numbers = [name for name in added if name in labels]
    config: dict[str, Any] = {name: st.column_config.NumberColumn(labels[name], format="localized") for name in numbers}
    st.dataframe(readable(table.frame, numbers), hide_index=True, key="results", column_config=config)
    _tell_renamed(apart(file.columns, added))
    if VERSION in added:
        st.caption(f"Another version went live meanwhile: the column {code(VERSION)} says which one predicted a row.")
    st.download_button(
        "Download results",
        table.csv,
        file_name=f"{file_name(model.name)}-predictions.csv",
        mime="text/csv",
        type="primary",
        icon=":material/download:",
        on_click="ignore",
    )


def _map(model: Model, file: BatchFile, outcome: Outcome) -> None:
    coordinates = coordinates_of(model.features)
    if coordinates is None:
        return
    places = places_frame(file, outcome, coordinates.longitude.name, coordinates.latitude.name)
    if len(places) > MOST_POINTS:
        st.caption(f"The map shows {MOST_POINTS:,} of {plural(len(places), 'row')}, drawn at random.")
        places = places.sample(MOST_POINTS, random_state=0)
    if places.empty:
        return
    output = output_of(model)
    ramp = of_theme(st.context.theme.type).ramp
    low, high = places["value"].min(), places["value"].max()
    marks = [
        Mark(x, y, output.words(value), on_ramp(ramp, (value - low) / ((high - low) or 1.0)))
        for x, y, value in places.itertuples(index=False)
    ]
    legend = Legend(title=output.label, low=output.words(low), high=output.words(high), ramp=ramp)
    show(key="map", box=around(marks, coordinates.bounds), marks=marks, legend=legend)


def _rejects(model: Model, file: BatchFile, table: Table) -> None:
    st.subheader("Refused rows", anchor=False)
    st.dataframe(table.frame, hide_index=True, key="rejects", column_config={LINE: "Line", REASON: "Why"})
    _tell_renamed(apart(file.columns, (LINE, REASON)))
    st.download_button(
        "Download refused rows",
        table.csv,
        file_name=f"{file_name(model.name)}-refused.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )


def _tell_renamed(renamed: Mapping[str, str]) -> None:
    if renamed:
        names = ", ".join(renamed.values())
        st.caption(escaped(f"Columns of the file, renamed because the page adds one of that name: {names}."))


page("Batch", _batch)
