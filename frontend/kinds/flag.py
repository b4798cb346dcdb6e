"""True and false: a box to tick, two buttons, two bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from frontend.kinds.choice import bars
from frontend.kinds.control import UNKNOWN, Control, Look, Value, types_of
from frontend.words import escaped

if TYPE_CHECKING:
    from frontend.answers import Feature


class Flag(Control):
    """Shown by the words of the data file."""

    def takes(self, schema: Mapping[str, Any]) -> bool:
        return "boolean" in types_of(schema)

    def start(self, feature: Feature) -> Value:
        return False

    def widget(self, feature: Feature, label: str, words: str, key: str, place: DeltaGenerator) -> Value:
        """A box has no third state: what may be unknown is chosen from a list."""
        if not feature.nullable:
            return place.checkbox(escaped(label), help=escaped(words) or None, key=key)
        chosen: bool | None = place.selectbox(
            escaped(label),
            [False, True, None],
            format_func=lambda value: UNKNOWN if value is None else self.text(feature, value),
            help=escaped(words) or None,
            key=key,
        )
        return chosen

    def text(self, feature: Feature, value: Value) -> str:
        return feature.levels[bool(value)]

    def values(self, feature: Feature, current: Value, points: int) -> tuple[Value, ...]:
        return (False, True)

    def change(self, feature: Feature, values: Sequence[Value], start: Value, label: str, key: str) -> Value:
        options = [bool(value) for value in values]
        return st.segmented_control(
            escaped(label),
            options,
            format_func=lambda value: escaped(self.text(feature, value)),
            default=bool(start),
            required=True,
            key=key,
        )

    def curve(self, feature: Feature, frame: pd.DataFrame, look: Look) -> Any:
        words = [self.text(feature, value) for value in frame["value"].tolist()]
        return bars(frame.assign(value=words), look, at=self.text(feature, look.at))
