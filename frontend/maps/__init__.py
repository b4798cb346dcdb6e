"""A map that draws land, grid and points itself, asks no tile server, and answers with the place that was clicked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from frontend.geography import Box, land

_HERE = Path(__file__).parent
_mount = st.components.v2.component(
    "map",
    html='<div class="map"></div>',
    css=(_HERE / "map.css").read_text(),
    js=(_HERE / "map.js").read_text(),
)


@dataclass(frozen=True)
class Mark:
    """A place in degrees, with words for a pointer that rests on it; without a colour it has the accent's."""

    longitude: float
    latitude: float
    text: str
    colour: str = ""


@dataclass(frozen=True)
class Legend:
    """What the colours mean: words, and what the ends of the ramp stand for."""

    title: str
    low: str
    high: str
    ramp: tuple[str, ...]


def pick(
    *, key: str, box: Box, chosen: tuple[float, float] | None, marks: Sequence[Mark], on_pick: Callable[[], None]
) -> None:
    """A map to click on. A click leaves {"longitude", "latitude"} in st.session_state[key].place, calls `on_pick`."""
    _mount(key=key, data=_data(box, marks) | {"pickable": True, "chosen": chosen}, on_place_change=on_pick)


def show(*, key: str, box: Box, marks: Sequence[Mark], legend: Legend) -> None:
    """A map to look at."""
    _mount(key=key, data=_data(box, marks) | {"pickable": False, "legend": asdict(legend)})


def around(marks: Sequence[Mark], box: Box) -> Box:
    """The marks with a tenth of their extent around them, within the box: never empty."""
    longitudes, latitudes = [mark.longitude for mark in marks], [mark.latitude for mark in marks]
    margin_x = max(0.1, 0.1 * (max(longitudes) - min(longitudes)))
    margin_y = max(0.1, 0.1 * (max(latitudes) - min(latitudes)))
    west, south, east, north = box
    return (
        max(west, min(longitudes) - margin_x),
        max(south, min(latitudes) - margin_y),
        min(east, max(longitudes) + margin_x),
        min(north, max(latitudes) + margin_y),
    )


def _data(box: Box, marks: Sequence[Mark]) -> dict[str, Any]:
    return {"box": box, "land": land(box), "marks": [asdict(mark) for mark in marks]}
