"""How values are asked for and shown, by what their JSON Schema says: the page knows no feature types.

A new way to ask is a file here, a line in CONTROLS and one in `frontend.answers.asked_by`.
"""

from __future__ import annotations

from collections.abc import Mapping

from frontend.answers import Feature, Way
from frontend.kinds.choice import Choice
from frontend.kinds.control import Control, Value
from frontend.kinds.number import Number

__all__ = ["CONTROLS", "Control", "Value", "control_of"]

CONTROLS: Mapping[Way, Control] = {"number": Number(), "choice": Choice()}


def control_of(feature: Feature) -> Control:
    return CONTROLS[feature.asked]
