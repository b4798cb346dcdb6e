"""Numbers: a field to type into, a slider over a range, a line."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import altair as alt
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from frontend.formatting import amount
from frontend.kinds.control import CURVE_HEIGHT, UNKNOWN, Control, Look, Value, types_of
from frontend.words import chart_title, escaped

if TYPE_CHECKING:
    from frontend.answers import Feature

TINY = 1e-9
# Bounds so much wider than the value itself say little about it: the curve then covers its neighbourhood.
WIDE = 20.0
NEIGHBOURHOOD = 4.0


class Number(Control):
    unknown = "Leave it empty if it is unknown"

    def takes(self, schema: Mapping[str, Any]) -> bool:
        return bool({"number", "integer"} & types_of(schema))

    def start(self, feature: Feature) -> Value:
        low, high = feature.minimum, feature.maximum
        if low is not None and high is not None:
            return (low + high) / 2
        return low if low is not None else min(high or 0.0, 0.0)

    def step(self, feature: Feature) -> float:
        """About a hundredth of what the form starts with, and a round power of ten."""
        usual = None if feature.nullable else self.start(feature)
        start = usual if feature.default is None else feature.default
        size = abs(start) if isinstance(start, int | float) and start else 1.0
        if feature.minimum is not None and feature.maximum is not None:
            size = min(size, feature.maximum - feature.minimum)
        exponent = math.floor(math.log10(max(size, 1e-9))) - 1
        return float(10.0 ** min(exponent, 3))

    def widget(self, feature: Feature, label: str, words: str, key: str, place: DeltaGenerator) -> Value:
        # `value=None` is what lets a person empty the field.
        number: float | None = place.number_input(
            escaped(label),
            min_value=feature.minimum,
            max_value=feature.maximum,
            value=None,
            step=self.step(feature),
            format="%g",
            placeholder=UNKNOWN if feature.nullable else "needed",
            help=escaped(words) or None,
            key=key,
        )
        return number

    def text(self, feature: Feature, value: Value) -> str:
        return amount(value, feature.unit) if isinstance(value, int | float) else str(value)

    def values(self, feature: Feature, current: Value, points: int) -> tuple[Value, ...]:
        """About as many numbers, the current one among them."""
        known = float(current) if isinstance(current, int | float) else None
        low, high = _range(feature, known)
        step = (high - low) / (points - 1)
        digits = max(0, 2 - math.floor(math.log10(step)))
        # Rounding may not lead out of the bounds.
        grid = {min(max(round(low + step * index, digits), low), high) for index in range(points)}
        return tuple(sorted(grid | ({known} if known is not None else set())))

    def change(self, feature: Feature, values: Sequence[Value], start: Value, label: str, key: str) -> Value:
        numbers = [float(value or 0.0) for value in values]
        return float(
            st.select_slider(
                escaped(label),
                numbers,
                value=nearest(numbers, float(start or 0.0)),
                format_func=lambda value: escaped(amount(value, feature.unit)),
                key=key,
            )
        )

    def curve(self, feature: Feature, frame: pd.DataFrame, look: Look) -> Any:
        colours, y = look.colours, look.y(zero=False)
        x = alt.X("value:Q", title=chart_title(look.feature), scale=alt.Scale(zero=False, nice=False))
        line = alt.Chart(frame).mark_line(color=colours.accent, strokeWidth=2.5).encode(x=x, y=y)
        points = alt.Chart(frame).mark_point(opacity=0, size=200).encode(x=x, y=y, tooltip=look.tips())
        mark = alt.Chart(frame[frame["value"] == look.at])
        rule = mark.mark_rule(color=colours.grey, strokeDash=[3, 3]).encode(x=x)
        dot = mark.mark_point(filled=True, color=colours.accent, size=130).encode(x=x, y=y)
        return (rule + line + points + dot).properties(height=CURVE_HEIGHT)


def nearest(values: Sequence[float], value: float) -> float:
    """The one of the sorted values that lies closest."""
    place = bisect_left(values, value)
    around = values[max(0, place - 1) : place + 1]
    return min(around, key=lambda item: abs(item - value))


def _range(feature: Feature, known: float | None) -> tuple[float, float]:
    low = -math.inf if feature.minimum is None else feature.minimum
    high = math.inf if feature.maximum is None else feature.maximum
    centre = known if known is not None else min(max(_usual(feature), low), high)
    # Around next to nothing there is no neighbourhood of the same order.
    size = abs(centre) if abs(centre) >= TINY else 1.0
    if high - low <= WIDE * size:
        return low, high
    near = (centre / NEIGHBOURHOOD, centre * NEIGHBOURHOOD) if centre >= TINY else (centre - size, centre + size)
    return max(near[0], low), min(near[1], high)


def _usual(feature: Feature) -> float:
    return float(feature.default) if isinstance(feature.default, int | float) else 0.0
