"""The file that a visit works on: read once, and kept with what was predicted for it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from frontend.answers import Model
from frontend.batches import Outcome
from frontend.batchfile import BatchFile, read
from frontend.results import rejected_frame, results_frame
from frontend.spreadsheet import csv_of

_KEY = "upload"


@dataclass(frozen=True)
class Table:
    """To be shown, and to be downloaded."""

    frame: pd.DataFrame

    @cached_property
    def csv(self) -> str:
        return csv_of(self.frame)


@dataclass(frozen=True)
class Predicted:
    outcome: Outcome
    results: Table
    rejects: Table


@dataclass
class Upload:
    """`file_id` is new with each upload, `digest` is that of the content."""

    model: Model
    file_id: str
    digest: str
    file: BatchFile
    predicted: Predicted | None = None

    def keep(self, outcome: Outcome) -> None:
        results = Table(results_frame(self.model, self.file, outcome))
        self.predicted = Predicted(outcome, results, Table(rejected_frame(self.file, outcome)))


def held(uploaded: UploadedFile, model: Model) -> Upload:
    """The visit's only file: another one, or another contract, takes its place. Raises FileError."""
    found: Upload | None = st.session_state.get(_KEY)
    if found is None or (found.model, found.file_id) != (model, uploaded.file_id):
        content = uploaded.getvalue()
        digest = hashlib.sha256(content).hexdigest()
        if found is None or (found.model, found.digest) != (model, digest):
            st.session_state.pop(_KEY, None)
            found = Upload(model, uploaded.file_id, digest, read(content, model))
        found.file_id = uploaded.file_id
        st.session_state[_KEY] = found
    return found
