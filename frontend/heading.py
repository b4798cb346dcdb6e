"""The top of every page: its name, and the model that it is about."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from frontend import session, states, times
from frontend.answers import Summary
from frontend.formatting import metric_name, metric_value, since, title
from frontend.words import escaped


def page(name: str, show: Callable[[Summary], None]) -> None:
    """Draws the heading, then `show` with the chosen model; or why that is not possible."""
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    left.title(name, anchor=False)
    with states.shown(retry="retry-page"):
        with st.spinner("Asking the API", show_time=True):
            found = session.models()
        if not found:
            states.empty(":material/inventory_2:", "There is no model", "The API knows no model. Add a model.toml.")
            return
        summary = _chosen(found, right)
        left.caption(escaped(_subtitle(summary)))
        if summary.notice:
            st.info(escaped(summary.notice), icon=":material/update:")
        show(summary)


def _chosen(found: tuple[Summary, ...], place: DeltaGenerator) -> Summary:
    """The model of all pages. It is kept apart from the selector, whose state ends with its page."""
    by_name = {summary.name: summary for summary in found}
    names = list(by_name)
    chosen = st.session_state.get(session.CHOSEN)
    if len(names) > 1:
        index = names.index(chosen) if chosen in by_name else _first_live(found)
        chosen = place.selectbox("Model", names, index=index, format_func=title, key="model-selector")
    else:
        chosen = names[0]
    st.session_state[session.CHOSEN] = chosen
    return by_name[chosen]


def _first_live(found: tuple[Summary, ...]) -> int:
    return next((place for place, summary in enumerate(found) if summary.live), 0)


def _subtitle(summary: Summary) -> str:
    live = summary.live
    if live is None:
        return f"{summary.description}. No version is live."
    facts = [f"Version {live.version}"]
    if live.since:
        facts.append(f"live since {since(live.since, times.now())}")
    if live.metric:
        metric = live.metric
        facts.append(f"{metric_name(metric.name)} {metric_value(metric.name, metric.value, summary.target.unit)}")
    return f"{summary.description}. {', '.join(facts)}."
