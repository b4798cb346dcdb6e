"""What was predicted during this visit: nothing of it leaves the session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import pandas as pd
import streamlit as st

from frontend.answers import Model, Predictions
from frontend.kinds import Value
from frontend.outputs import HIGH, LOW
from frontend.results import apart
from frontend.times import now

TIME, VERSION, PROBABILITY = "time", "version", "probability"


@dataclass(frozen=True)
class Asked:
    """One prediction of the visit."""

    time: datetime
    record: Mapping[str, Value]
    answer: Predictions


def history(model: str) -> list[Asked]:
    """Oldest first."""
    visits: dict[str, list[Asked]] = st.session_state.setdefault("visits", {})
    return visits.setdefault(model, [])


def remember(model: str, record: Mapping[str, Value], answer: Predictions) -> None:
    history(model).append(Asked(time=now(), record=record, answer=answer))


def record_columns(model: Model) -> dict[str, str]:
    """What each feature's column is called in the table: a name of the answer gets a suffix."""
    names = [feature.name for feature in model.features]
    return {name: name for name in names} | apart(names, (TIME, VERSION, model.target.name, PROBABILITY, LOW, HIGH))


def table(model: Model, asked: list[Asked]) -> pd.DataFrame:
    """One row a prediction, the newest first: time, version, what was predicted, and the record."""
    columns = record_columns(model)
    rows = []
    for item in reversed(asked):
        first = item.answer.items[0]
        row: dict[str, object] = {TIME: item.time, VERSION: item.answer.model_version}
        if first.label is not None:
            row[model.target.name] = first.label
            row[PROBABILITY] = first.value
        else:
            row[model.target.name] = first.value
        if first.interval:
            row |= {LOW: first.interval.low, HIGH: first.interval.high}
        rows.append({**row, **{columns[name]: value for name, value in item.record.items()}})
    return pd.DataFrame(rows)
