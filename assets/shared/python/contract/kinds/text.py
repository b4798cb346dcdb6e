"""Texts: the columns by which rows are one thing, or stay on one side of the split. No feature is one."""

from __future__ import annotations

from typing import ClassVar

from contract.kinds.kind import Held, Kind, Read
from contract.values import Field


class Text(Kind):
    """Any text."""

    name: ClassVar[str] = "text"
    held: ClassVar[Held] = "text"

    def read(self, field: Field, text: str, mark: str) -> Read:
        return text, None
