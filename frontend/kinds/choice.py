"""Levels: a list to choose from, a button each, bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import altair as alt
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from frontend.kinds.control import CURVE_HEIGHT, UNKNOWN, Control, Look, Value
from frontend.words import chart_title, escaped

if TYPE_CHECKING:
    from frontend.answers import Feature


class Choice(Control):
    def takes(self, schema: Mapping[str, Any]) -> bool:
        return "enum" in schema

    def start(self, feature: Feature) -> Value:
        return feature.levels[0]

    def widget(self, feature: Feature, label: str, words: str, key: str, place: DeltaGenerator) -> Value:
        options: list[str | None] = [*feature.levels, *([None] if feature.nullable else [])]
        chosen: str | None = place.selectbox(
            escaped(label),
            options,
            format_func=lambda level: level or UNKNOWN,
            help=escaped(words) or None,
            key=key,
        )
        return chosen

    def text(self, feature: Feature, value: Value) -> str:
        return str(value)

    def values(self, feature: Feature, current: Value, points: int) -> tuple[Value, ...]:
        return feature.levels

    def change(self, feature: Feature, values: Sequence[Value], start: Value, label: str, key: str) -> Value:
        levels = [str(value) for value in values]
        return st.segmented_control(
            escaped(label), levels, format_func=escaped, default=str(start), required=True, key=key
        )

    def curve(self, feature: Feature, frame: pd.DataFrame, look: Look) -> Any:
        return bars(frame, look, at=look.at)


def bars(frame: pd.DataFrame, look: Look, *, at: Value) -> Any:
    """A bar a text, that of `at` in another colour."""
    here = alt.condition(alt.datum.value == at, alt.value(look.colours.accent), alt.value(look.colours.muted))
    x = alt.X("value:N", title=chart_title(look.feature), sort=None, axis=alt.Axis(labelAngle=0))
    marks = alt.Chart(frame).mark_bar(cornerRadiusEnd=3, size=28)
    chart = marks.encode(x=x, y=look.y(zero=True), color=here, tooltip=look.tips())
    return chart.properties(height=CURVE_HEIGHT)
