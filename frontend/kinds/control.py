"""What the page asks of each way to enter a value."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import altair as alt
import pandas as pd
from streamlit.delta_generator import DeltaGenerator

from frontend.colours import Colours
from frontend.words import chart_title

if TYPE_CHECKING:
    from frontend.answers import Feature

UNKNOWN = "unknown"
CURVE_HEIGHT = 260

Value = float | str | bool | None


@dataclass(frozen=True)
class Look:
    """Of a curve: titles of its axes, and the value that is marked."""

    feature: str
    predicted: str
    at: Value
    colours: Colours

    def tips(self) -> list[alt.Tooltip]:
        return [
            alt.Tooltip("value", title=chart_title(self.feature)),
            alt.Tooltip("prediction:Q", title=chart_title(self.predicted), format=",.4~r"),
        ]

    def y(self, *, zero: bool) -> alt.Y:
        title, scale = chart_title(self.predicted), alt.Scale(zero=zero)
        return alt.Y("prediction:Q", title=title, scale=scale, axis=alt.Axis(format="~s"))


class Control(ABC):
    """`unknown`: what the help of a field says that may be left out."""

    unknown: ClassVar[str] = "May be unknown"

    @abstractmethod
    def takes(self, schema: Mapping[str, Any]) -> bool:
        """Whether it asks for values that this JSON Schema describes."""

    @abstractmethod
    def start(self, feature: Feature) -> Value:
        """What a form starts with where the contract declares nothing."""

    def step(self, feature: Feature) -> float | None:
        """What one press of a button adds, None where there is no such button."""
        return None

    @abstractmethod
    def widget(self, feature: Feature, label: str, words: str, key: str, place: DeltaGenerator) -> Value:
        """Asks. The session's state holds what it starts with; `words` is its help."""

    @abstractmethod
    def text(self, feature: Feature, value: Value) -> str:
        """A known value in words, with its unit."""

    @abstractmethod
    def values(self, feature: Feature, current: Value, points: int) -> tuple[Value, ...]:
        """What to ask for instead, in order: about `points` of them where there are many."""

    @abstractmethod
    def change(self, feature: Feature, values: Sequence[Value], start: Value, label: str, key: str) -> Value:
        """A widget that goes through the values."""

    @abstractmethod
    def curve(self, feature: Feature, frame: pd.DataFrame, look: Look) -> Any:
        """A chart of the columns value and prediction."""


def types_of(schema: Mapping[str, Any]) -> set[str]:
    """The names that `type` holds: JSON Schema has one, or a list."""
    told = schema.get("type", ())
    return {told} if isinstance(told, str) else set(told)
