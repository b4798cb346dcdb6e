"""The page's entry: login where it is configured, and the pages."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from frontend.login import signed_in
from frontend.views import batch, models, monitoring, predict, runs

# A file of our own: an icon by name would be fetched from a font server.
ICON = str(Path(__file__).with_name("icon.svg"))


def main() -> None:
    st.set_page_config(page_title="MLOps on AWS", page_icon=ICON, layout="wide")
    if not signed_in():
        return
    pages = [
        st.Page(predict.show, title="Predict", icon=":material/bolt:", default=True),
        st.Page(batch.show, title="Batch", icon=":material/table_rows:", url_path="batch"),
        st.Page(models.show, title="Models", icon=":material/deployed_code:", url_path="models"),
        st.Page(runs.show, title="Runs", icon=":material/conversion_path:", url_path="runs"),
        st.Page(monitoring.show, title="Monitoring", icon=":material/monitoring:", url_path="monitoring"),
    ]
    st.navigation(pages, position="top").run()


main()
