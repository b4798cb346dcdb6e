"""Two limits that a number lies between, as data: one rule for Python, numpy and SQL."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Within:
    """Inclusive. NaN lies between no limits, and SQL gives null for null."""

    low: float = -math.inf
    high: float = math.inf

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high

    def numpy(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Of each value whether it holds."""
        found: NDArray[np.bool_] = (values >= self.low) & (values <= self.high)
        return found

    def sql(self, column: str) -> str:
        """A condition. `column`: an expression of doubles, a name in quotes. The text runs on Spark and DuckDB."""
        return f"{column} between {double(self.low)} and {double(self.high)}"


def double(value: float) -> str:
    """A literal. Both engines read a plain 0.1 as a decimal, and a cast of its text as the nearest double."""
    return f"cast('{float(value)!r}' as double)"
