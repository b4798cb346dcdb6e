"""The rows of a run: where they went, those that were rejected, and those that its model saw."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from frontend import session, states
from frontend.formatting import plural, title
from frontend.records import Run
from frontend.spreadsheet import csv_of
from frontend.words import code, escaped, file_name


def show_books(run: Run) -> None:
    if run.books is None:
        return
    st.caption(escaped(run.books.sentence))
    for line in (*run.books.frequent, *run.books.notes):
        st.caption(escaped(line))
    for text in run.books.warnings:
        st.warning(escaped(text), icon=":material/warning:")


def show_rows(model: str, run: Run) -> None:
    """Asked for when somebody wants to see them: they may be many."""
    with st.container(horizontal=True, gap="medium"):
        wants_rejects = st.toggle("Rejected rows", key=f"rejects:{run.run_id}")
        made = run.books is not None and run.state != "refused"
        wants_data = made and st.toggle("Rows of the data set", key=f"data:{run.run_id}")
    with states.shown(retry="retry-rows"):
        if wants_rejects:
            _rejects(model, run)
        if wants_data:
            _data(model, run)


def _rejects(model: str, run: Run) -> None:
    found = session.rejects(model, run.run_id)
    if not found.items:
        st.caption("No row was rejected.")
        return
    frame = pd.DataFrame(
        {
            "Line": [item.line for item in found.items],
            "Why": [item.reason for item in found.items],
            "Row": [item.row for item in found.items],
        }
    )
    st.dataframe(frame, hide_index=True, key=f"rejects-table:{run.run_id}")
    if found.more:
        command = code(f"mlops rejects {run.run_id} --out FILE")
        st.caption(f"The first {plural(len(found.items), 'row')}; all of them: {command}")
    st.download_button(
        "Download rejected rows",
        csv_of(frame.set_axis(["line", "reason", "row"], axis="columns")),
        file_name=f"{file_name(run.run_id)}-rejects.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )


def _data(model: str, run: Run) -> None:
    """Links, which the browser fetches from S3: a side may have millions of rows."""
    test = session.data(model, run.run_id, "test")
    for found in (test, *(session.data(model, run.run_id, split) for split in test.splits if split != "test")):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{escaped(title(found.split))}** {plural(found.rows, 'row')}", width="content")
            for file in found.files:
                st.link_button(escaped(file.name), file.url, icon=":material/download:")
    st.caption(f"Parquet files, as they were read. As CSV: {code(f'mlops data {run.run_id} --out FILE')}")
