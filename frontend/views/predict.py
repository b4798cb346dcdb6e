"""One prediction: a form, the answer with what drove it, what other values would give, and the visit so far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from frontend import session, states, visit
from frontend.answers import Feature, Model, Prediction, Predictions, Summary
from frontend.charts import sweep_chart, waterfall
from frontend.colours import of_theme
from frontend.errors import ApiError, Kind
from frontend.formatting import amount, share, title
from frontend.forms import coordinates_of, fields_of, missing
from frontend.heading import page
from frontend.inputs import place_picker, record_form
from frontend.kinds import Value
from frontend.maps import Mark
from frontend.outputs import HIGH, LOW, output_of
from frontend.results import readable
from frontend.spreadsheet import csv_of
from frontend.sweeps import curve_of, instances_of, values_of
from frontend.visit import Asked
from frontend.words import escaped, file_name


def _predict(summary: Summary) -> None:
    if summary.live is None:
        states.no_model_live(summary)
        return
    model = session.model(summary.name)
    left, right = st.columns([11, 10], gap="large")
    with left:
        place_picker(model, _marks(model))
        record = record_form(model)
    with right:
        if record is not None:
            _ask(model, record)
        asked = visit.history(model.name)
        if asked:
            _answer(model, asked[-1])
        elif record is None:
            states.empty(
                ":material/bolt:",
                escaped(title(model.target.name)),
                "Fill in the form and press **Predict**. The answer and what drove it appear here.",
            )
    if asked:
        _what_if(model, asked[-1])
        _history(model, asked)


def _ask(model: Model, record: dict[str, Value]) -> None:
    if absent := missing(fields_of(model.features), record):
        st.warning(f"Fill in {escaped(', '.join(absent))}.", icon=":material/edit_note:")
        return
    try:
        with st.spinner("Predicting", show_time=True):
            answer = session.api().predict(model.name, [record], explain=True)
    except ApiError as error:
        if error.kind is Kind.INVALID:
            states.show_refused(error)
            # Another version may be live by now, with another form.
            session.forget()
        else:
            states.show_error(error, retry="retry-predict")
        return
    visit.remember(model.name, record, answer)


def _answer(model: Model, asked: Asked) -> None:
    first = asked.answer.items[0]
    with st.container(border=True, key="answer"):
        if first.label is None:
            st.metric(escaped(title(model.target.name)), escaped(amount(first.value, model.target.unit)))
        else:
            st.metric(escaped(title(model.target.name)), escaped(first.label))
            output = output_of(model)
            st.progress(first.value, text=escaped(f"{output.label}: {output.words(first.value)}"))
        st.caption(escaped(" · ".join(_facts(model, first, asked.answer))))
    if first.explanation:
        st.subheader("What drove it", anchor=False)
        colours = of_theme(st.context.theme.type)
        st.altair_chart(waterfall(first.explanation, model, colours), key="waterfall")


def _facts(model: Model, first: Prediction, answer: Predictions) -> list[str]:
    facts = []
    if first.interval:
        low, high = amount(first.interval.low), amount(first.interval.high, model.target.unit)
        facts.append(f"{share(first.interval.level)} interval: {low} to {high}")
    if rule := output_of(model).rule:
        facts.append(rule)
    return [*facts, f"model version {answer.model_version}"]


def _marks(model: Model) -> list[Mark]:
    """Where the visit asked before."""
    coordinates = coordinates_of(model.features)
    if coordinates is None:
        return []
    marks = []
    for asked in visit.history(model.name):
        place = [asked.record.get(f.name) for f in (coordinates.longitude, coordinates.latitude)]
        longitude, latitude = place
        if isinstance(longitude, int | float) and isinstance(latitude, int | float):
            marks.append(Mark(longitude, latitude, amount(asked.answer.items[0].value, model.target.unit)))
    return marks


@st.fragment
def _what_if(model: Model, asked: Asked) -> None:
    st.subheader("What if", anchor=False)
    left, right = st.columns([2, 3], gap="large", vertical_alignment="center")
    names = [feature.name for feature in model.features]
    with left:
        start = names.index(_strongest(asked, names))
        name = st.selectbox("Change one feature", names, index=start, format_func=title, key="what-if")
        feature = next(f for f in model.features if f.name == name)
        values = values_of(feature, asked.record[name])
        at = _what_value(feature, values, asked)
    with states.shown(retry="retry-what-if"):
        curve = curve_of(values, session.sweep(model, instances_of(asked.record, feature, values)).items)
        with left:
            there = next(point.prediction for point in curve if point.value == at)
            _compare(model, asked.answer.items[0].value, there)
        chart = sweep_chart(curve, feature, output_of(model), at, of_theme(st.context.theme.type))
        right.altair_chart(chart, key="sweep")


def _what_value(feature: Feature, values: Sequence[Value], asked: Asked) -> Value:
    """It starts with what was asked."""
    current = asked.record[feature.name]
    start = current if current in values else values[len(values) // 2]
    key = f"what:{feature.name}:{asked.time.isoformat()}"
    return feature.control.change(feature, values, start, title(feature.name), key)


def _strongest(asked: Asked, names: list[str]) -> str:
    """The feature that moved the prediction most and that a person can change."""
    explanation = asked.answer.items[0].explanation
    ranked = sorted(explanation.contributions, key=lambda c: -abs(c.contribution)) if explanation else []
    return next((item.feature for item in ranked if item.feature in names), names[0])


def _compare(model: Model, before: float, after: float) -> None:
    output = output_of(model)
    unchanged = after == before
    st.metric(
        escaped(title(model.target.name) if output.is_number else output.label),
        escaped(output.words(after, unit=True)),
        "as asked" if unchanged else escaped(output.change(before, after)),
        delta_color="off",
        delta_arrow="off",
    )


def _history(model: Model, asked: list[Asked]) -> None:
    st.subheader("This visit", anchor=False)
    frame, columns = visit.table(model, asked), visit.record_columns(model)
    st.dataframe(
        readable(frame, (model.target.name, LOW, HIGH)),
        hide_index=True,
        key="history",
        column_config={
            visit.TIME: st.column_config.DatetimeColumn("Time", format="HH:mm:ss"),
            visit.VERSION: st.column_config.TextColumn("Version", width="small"),
            model.target.name: _target_column(model),
            LOW: st.column_config.NumberColumn("Low", format="localized"),
            HIGH: st.column_config.NumberColumn("High", format="localized"),
            visit.PROBABILITY: st.column_config.NumberColumn("Probability", format="percent"),
            **{
                columns[f.name]: st.column_config.Column(title(columns[f.name]), help=escaped(f.description) or None)
                for f in model.features
            },
        },
    )
    st.download_button(
        "Download as CSV",
        csv_of(frame),
        file_name=f"{file_name(model.name)}-visit.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )


def _target_column(model: Model) -> Any:
    output = output_of(model)
    if output.is_number:
        return st.column_config.NumberColumn(output.heading, format="localized")
    return st.column_config.TextColumn(output.heading)


page("Predict", _predict)
