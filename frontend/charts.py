"""Charts of predictions: what drove one, and what another value would give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from frontend.answers import Contribution, Explanation, Feature, Target
from frontend.colours import Colours
from frontend.formatting import amount, signed, title
from frontend.forms import label_of
from frontend.sweeps import Point

MOST_BARS = 9
BAR_HEIGHT = 30
# What the words beside the longest bar need of the width of the bars.
WORDS_SHARE = 0.4
SWEEP_HEIGHT = 260


def waterfall(explanation: Explanation, features: Sequence[Feature], target: Target, colours: Colours) -> Any:
    """From the base to the prediction, a bar a feature, the largest first."""
    frame = waterfall_frame(explanation, features, unit=target.unit if explanation.output == "value" else "log-odds")
    order = frame["label"].tolist()
    title_of_axis = f"{title(target.name)} ({target.unit})" if explanation.output == "value" else "Log-odds"
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
        tooltip=[alt.Tooltip("label:N", title="Feature"), alt.Tooltip("text:N", title="Effect")],
    )
    words = base.mark_text(align="left", dx=5, color=colours.grey, fontSize=11).encode(x="right:Q", text="text:N")
    return (bars + words).properties(height=BAR_HEIGHT * len(frame) + 40)


def waterfall_frame(explanation: Explanation, features: Sequence[Feature], *, unit: str = "") -> pd.DataFrame:
    """label, start, end, right, kind ("total", "up", "down"), text: base, contributions, the rest, prediction."""
    ranked = sorted(explanation.contributions, key=lambda item: abs(item.contribution), reverse=True)
    shown, rest = ranked[: MOST_BARS - 1], ranked[MOST_BARS - 1 :]
    if len(rest) == 1:
        shown, rest = ranked, []
    known = {feature.name: feature for feature in features}
    steps = [(_effect_label(item, known), item.contribution) for item in shown]
    if rest:
        steps.append((f"{len(rest)} others", sum(item.contribution for item in rest)))
    rows: list[dict[str, Any]] = []
    at = explanation.base
    for label, change in steps:
        kind = "up" if change >= 0 else "down"
        rows.append({"label": label, "start": at, "end": at + change, "kind": kind, "text": signed(change)})
        at += change
    # A total is a thin mark: a bar from zero would shrink what the features do.
    total = {"label": "Prediction", "start": explanation.base, "end": at, "kind": "total", "text": amount(at, unit)}
    first = {"label": "Average", "start": explanation.base, "end": explanation.base, "kind": "total"}
    frame = pd.DataFrame([first | {"text": amount(explanation.base, unit)}, *rows, total])
    return frame.assign(right=frame[["start", "end"]].max(axis=1))


def sweep_chart(curve: Sequence[Point], feature: Feature, target: Target, at: float | str, colours: Colours) -> Any:
    """The prediction over one feature, with a mark at `at`."""
    frame = pd.DataFrame({"value": [p.value for p in curve], "prediction": [p.prediction for p in curve]})
    name = f"{title(target.name)} ({target.unit})" if target.unit else f"Probability of {target.levels[-1]}"
    tips = [alt.Tooltip("value", title=label_of(feature)), alt.Tooltip("prediction:Q", title=name, format=",.4~r")]
    if feature.type == "category":
        here = alt.condition(alt.datum.value == at, alt.value(colours.accent), alt.value(colours.muted))
        x = alt.X("value:N", title=label_of(feature), sort=None, axis=alt.Axis(labelAngle=0))
        bars = alt.Chart(frame).mark_bar(cornerRadiusEnd=3, size=28)
        return bars.encode(x=x, y=_predicted(name, zero=True), color=here, tooltip=tips).properties(height=SWEEP_HEIGHT)
    x = alt.X("value:Q", title=label_of(feature), scale=alt.Scale(zero=False, nice=False))
    y = _predicted(name, zero=False)
    line = alt.Chart(frame).mark_line(color=colours.accent, strokeWidth=2.5).encode(x=x, y=y)
    points = alt.Chart(frame).mark_point(opacity=0, size=200).encode(x=x, y=y, tooltip=tips)
    mark = alt.Chart(frame[frame["value"] == at])
    rule = mark.mark_rule(color=colours.grey, strokeDash=[3, 3]).encode(x=x)
    dot = mark.mark_point(filled=True, color=colours.accent, size=130).encode(x=x, y=y)
    return (rule + line + points + dot).properties(height=SWEEP_HEIGHT)


def _predicted(name: str, *, zero: bool) -> alt.Y:
    return alt.Y("prediction:Q", title=name, scale=alt.Scale(zero=zero), axis=alt.Axis(format="~s"))


def _effect_label(item: Contribution, known: dict[str, Feature]) -> str:
    if item.value is None or item.feature not in known:
        return title(item.feature)
    value = amount(item.value) if isinstance(item.value, int | float) else item.value
    return f"{title(item.feature)} = {value}"


def _kinds(colours: Colours) -> alt.Scale:
    return alt.Scale(domain=["total", "up", "down"], range=[colours.ink, colours.accent, colours.muted])
