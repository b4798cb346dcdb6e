"""What was predicted during this visit: nothing of it leaves the session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import pandas as pd
import streamlit as st

from frontend.answers import Model, Predictions
from frontend.forms import Value
from frontend.times import now


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


def table(model: Model, asked: list[Asked]) -> pd.DataFrame:
    """One row a prediction, the newest first: time, version, what was predicted, and the record."""
    rows = []
    for item in reversed(asked):
        first = item.answer.items[0]
        row: dict[str, object] = {"time": item.time, "version": item.answer.model_version}
        if first.label is not None:
            row[model.target.name] = first.label
            row["probability"] = first.value
        else:
            row[model.target.name] = first.value
        if first.interval:
            row |= {"low": first.interval.low, "high": first.interval.high}
        rows.append({**row, **item.record})
    return pd.DataFrame(rows)
