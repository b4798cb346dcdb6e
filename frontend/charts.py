"""Charts of predictions: what drove one, and what another value would give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from frontend.answers import Explanation, Feature, Model
from frontend.colours import Colours
from frontend.explaining import Effect, effects_of
from frontend.formatting import amount, signed
from frontend.forms import label_of
from frontend.kinds import Value
from frontend.kinds.control import Look
from frontend.outputs import Output, output_of
from frontend.sweeps import Point
from frontend.words import chart_title

MOST_BARS = 9
BAR_HEIGHT = 30
# What the words beside the longest bar need of the width of the bars.
WORDS_SHARE = 0.4


def waterfall(explanation: Explanation, model: Model, colours: Colours) -> Any:
    """From the base to the prediction, a bar an effect, the largest first."""
    frame = waterfall_frame(explanation, effects_of(explanation, model.features, model.derived))
    order = frame["label"].tolist()
    title_of_axis = chart_title(output_of(model).heading) if explanation.output == "value" else "Log-odds"
    low, high = frame[["start", "end"]].to_numpy().min(), frame[["start", "end"]].to_numpy().max()
    span = (high - low) or 1.0
    base = alt.Chart(frame).encode(
        y=alt.Y("label:N", sort=order, title=None, axis=alt.Axis(labelLimit=190, ticks=False, domain=False, grid=False))
    )
    scale = alt.Scale(domain=[low - 0.05 * span, high + WORDS_SHARE * span], nice=False, zero=False)
    bars = base.mark_bar(height=16, cornerRadius=3).encode(
        x=alt.X("start:Q", scale=scale, title=title_of_axis, axis=alt.Axis(format="~s", tickCount=5)),
        x2="end:Q",
        color=alt.Color("kind:N", legend=None, scale=_kinds(colours)),
        tooltip=[
            alt.Tooltip("label:N", title="Feature"),
            alt.Tooltip("text:N", title="Effect"),
            alt.Tooltip("how:N", title="From"),
        ],
    )
    words = base.mark_text(align="left", dx=5, color=colours.grey, fontSize=11).encode(x="right:Q", text="text:N")
    return (bars + words).properties(height=BAR_HEIGHT * len(frame) + 40)


def waterfall_frame(explanation: Explanation, effects: Sequence[Effect]) -> pd.DataFrame:
    """label, how, start, end, right, kind ("total", "up", "down"), text: base, effects, the rest, prediction."""
    shown, rest = list(effects[: MOST_BARS - 1]), list(effects[MOST_BARS - 1 :])
    if len(rest) == 1:
        shown, rest = list(effects), []
    if rest:
        shown.append(Effect(f"{len(rest)} others", sum(effect.change for effect in rest)))
    rows: list[dict[str, Any]] = []
    digits = 0 if abs(explanation.total) >= 1000 else 4
    at = explanation.base
    for effect in shown:
        kind = "up" if effect.change >= 0 else "down"
        bar = {"label": effect.label, "how": effect.how, "start": at, "end": at + effect.change, "kind": kind}
        rows.append({**bar, "text": signed(round(effect.change, digits))})
        at += effect.change
    # A total starts at the base: a bar from zero would shrink what the features do.
    base = {"how": "", "start": explanation.base, "kind": "total"}
    first = {**base, "label": "Average", "end": explanation.base, "text": amount(explanation.base)}
    last = {**base, "label": "Prediction", "end": at, "text": amount(at)}
    frame = pd.DataFrame([first, *rows, last])
    return frame.assign(right=frame[["start", "end"]].max(axis=1))


def sweep_chart(curve: Sequence[Point], feature: Feature, output: Output, at: Value, colours: Colours) -> Any:
    """The prediction over one feature, with a mark at `at`."""
    frame = pd.DataFrame({"value": [p.value for p in curve], "prediction": [p.prediction for p in curve]})
    return feature.control.curve(feature, frame, Look(label_of(feature), output.axis, at, colours))


def _kinds(colours: Colours) -> alt.Scale:
    return alt.Scale(domain=["total", "up", "down"], range=[colours.ink, colours.accent, colours.muted])
