"""How values are asked for and shown, by what their JSON Schema says: the page knows no feature types.

A new way to ask is a file here, and a line in CONTROLS.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from frontend.kinds.choice import Choice
from frontend.kinds.control import Control, Value
from frontend.kinds.flag import Flag
from frontend.kinds.number import Number

__all__ = ["CONTROLS", "NUMBER", "Control", "Value", "control_for"]

NUMBER = Number()
# The first that takes a schema asks for its values.
CONTROLS: tuple[Control, ...] = (Choice(), Flag(), NUMBER)


def control_for(schema: Mapping[str, Any]) -> Control:
    """Of values that this JSON Schema describes. Raises ValueError where the page has no way to ask for them."""
    found = next((control for control in CONTROLS if control.takes(schema)), None)
    if found is None:
        raise ValueError(f"the page cannot ask for values of the type {schema.get('type')!r}; update it")
    return found
