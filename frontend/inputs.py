"""The form of a model: one widget a feature, and a map where the features place a record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from frontend.answers import Model
from frontend.forms import Coordinates, Field, coordinates_of, fields_of, record_of
from frontend.kinds import Value
from frontend.maps import Mark, pick

# So that map, form and button of nine features fit a screen with the answer beside them.
COLUMNS = 3


def key_of(model: str, feature: str) -> str:
    """Widgets end with their page; what was entered is kept under a key of its own."""
    return f"field:{model}:{feature}"


def record_form(model: Model) -> dict[str, Value] | None:
    """Shows the form. Returns the record when it was sent, None before."""
    fields = fields_of(model.features)
    values = _values(model, fields)
    with st.form(f"form:{model.name}", border=False):
        entered = {field.name: _widget(field, model.name, values, place) for field, place in _grid(fields)}
        sent = st.form_submit_button("Predict", type="primary", icon=":material/bolt:", width="stretch")
    if not sent:
        return None
    values.update(entered)
    return record_of(fields, entered)


def place_picker(model: Model, marks: Sequence[Mark]) -> None:
    """A map whose click fills in the coordinates; nothing for a model without them."""
    coordinates = coordinates_of(model.features)
    if coordinates is None:
        return
    values = _values(model, fields_of(model.features))
    key = f"map:{model.name}"
    pick(
        key=key,
        box=coordinates.bounds,
        chosen=_place(coordinates, model.name, values),
        marks=marks,
        on_pick=lambda: _picked(model.name, coordinates, st.session_state[key].get("place")),
    )
    st.caption("Click the map to set longitude and latitude.")


def _grid(fields: Sequence[Field]) -> Iterator[tuple[Field, DeltaGenerator]]:
    """Row by row, so that a narrow screen, which stacks the columns of a row, keeps the order."""
    for start in range(0, len(fields), COLUMNS):
        row = fields[start : start + COLUMNS]
        yield from zip(row, st.columns(COLUMNS, vertical_alignment="bottom"), strict=False)


def _widget(field: Field, model: str, values: Mapping[str, Value], place: DeltaGenerator) -> Value:
    feature, key = field.feature, key_of(model, field.name)
    if key not in st.session_state:
        st.session_state[key] = values[field.name]
    return feature.control.widget(feature, field.label, field.help, key, place)


def _values(model: Model, fields: Sequence[Field]) -> dict[str, Value]:
    """What the form holds, kept while the visit lasts."""
    kept: dict[str, dict[str, Value]] = st.session_state.setdefault("entered", {})
    return kept.setdefault(model.name, {field.name: field.default for field in fields})


def _place(coordinates: Coordinates, model: str, values: Mapping[str, Value]) -> tuple[float, float] | None:
    names = (coordinates.longitude.name, coordinates.latitude.name)
    longitude, latitude = (st.session_state.get(key_of(model, name), values[name]) for name in names)
    return (longitude, latitude) if longitude is not None and latitude is not None else None


def _picked(model: str, coordinates: Coordinates, place: Mapping[str, float] | None) -> None:
    if place is None:
        return
    for feature, value in ((coordinates.longitude, place["longitude"]), (coordinates.latitude, place["latitude"])):
        low, high = feature.minimum, feature.maximum
        inside = max(value, low) if low is not None else value
        st.session_state[key_of(model, feature.name)] = min(inside, high) if high is not None else inside
