"""The page's entry: the login, and the pages for whoever may come in."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from frontend.login import admitted

# A file of our own: an icon by name would be fetched from a font server.
ICON = str(Path(__file__).with_name("icon.svg"))


def main() -> None:
    st.set_page_config(page_title="MLOps on AWS", page_icon=ICON, layout="wide")
    if not admitted():
        return
    pages = [
        st.Page("views/predict.py", title="Predict", icon=":material/bolt:", default=True),
        st.Page("views/batch.py", title="Batch", icon=":material/table_rows:"),
        st.Page("views/models.py", title="Models", icon=":material/deployed_code:"),
        st.Page("views/runs.py", title="Runs", icon=":material/conversion_path:"),
        st.Page("views/monitoring.py", title="Monitoring", icon=":material/monitoring:"),
    ]
    st.navigation(pages, position="top").run()


main()
