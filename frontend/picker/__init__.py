"""A map to click on. It draws land, grid and points itself, and answers with the place that was clicked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from frontend.geography import Box, land

_HERE = Path(__file__).parent
_mount = st.components.v2.component(
    "map_picker",
    html='<div class="map"></div>',
    css=(_HERE / "picker.css").read_text(),
    js=(_HERE / "picker.js").read_text(),
)


@dataclass(frozen=True)
class Mark:
    """A place with words for a pointer that rests on it."""

    longitude: float
    latitude: float
    text: str


def pick(
    *, key: str, box: Box, chosen: tuple[float, float] | None, marks: Sequence[Mark], on_pick: Callable[[], None]
) -> None:
    """Shows the map. A click leaves {"longitude", "latitude"} in st.session_state[key].place and calls `on_pick`."""
    data: dict[str, Any] = {
        "box": box,
        "land": land(box),
        "chosen": chosen,
        "marks": [asdict(mark) for mark in marks],
    }
    _mount(key=key, data=data, on_place_change=on_pick)
