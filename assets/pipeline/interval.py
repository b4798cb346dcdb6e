"""How far predictions were from the truth on rows that the trees were not grown on. Lies in the model.

Split conformal prediction: the interval of a new row is its prediction plus and minus the 90 % quantile of the
absolute errors on those validation rows whose predictions are about as large. It holds the true value for 90 % of new
rows like those. Early stopping has looked at the validation rows too, to choose the number of rounds, and there may be
few: Evaluate therefore counts on the test rows how many intervals hold the true value.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector = NDArray[np.float64]

FILE = "interval.json"
LEVEL = 0.9
# Errors grow with what is predicted: each fifth of the predictions has a width of its own, if it has rows enough.
BANDS, LEAST_ROWS = 5, 100


@dataclass(frozen=True)
class Interval:
    """`widths[n]` is for predictions from `edges[n - 1]` to below `edges[n]`; `low`, `high`: the target's bounds."""

    level: float
    edges: Sequence[float]
    widths: Sequence[float]
    low: float | None
    high: float | None

    def of(self, value: float) -> tuple[float, float]:
        width = self.widths[bisect_right(self.edges, value)]
        low, high = value - width, value + width
        return (
            low if self.low is None else min(max(low, self.low), value),
            high if self.high is None else max(min(high, self.high), value),
        )

    def save(self, folder: Path) -> None:
        (folder / FILE).write_text(json.dumps(asdict(self), indent=1) + "\n")


def load_interval(folder: Path) -> Interval | None:
    """None for a model that has none: a binary one, or one with too few validation rows."""
    path = folder / FILE
    return Interval(**json.loads(path.read_text())) if path.exists() else None


def fit(actual: Vector, predicted: Vector, *, low: float | None = None, high: float | None = None) -> Interval | None:
    """From validation rows; None when they are too few to say anything."""
    import numpy as np

    bands = min(BANDS, len(actual) // LEAST_ROWS)
    if not bands:
        return None
    # Equal predictions, such as those of a tree with few leaves, must not lie in two bands.
    edges = np.unique(np.quantile(predicted, np.linspace(0, 1, bands + 1)[1:-1]))
    band, errors = np.searchsorted(edges, predicted, side="right"), np.abs(actual - predicted)
    parts = [errors[band == number] for number in range(len(edges) + 1)]
    if min(map(len, parts)) < LEAST_ROWS // 2:
        edges, parts = edges[:0], [errors]
    return Interval(LEVEL, edges.tolist(), [_quantile(part) for part in parts], low, high)


def coverage(interval: Interval, actual: Vector, predicted: Vector) -> float:
    """The share of rows whose interval holds the true value."""
    limits = map(interval.of, predicted.tolist())
    held: list[bool] = [low <= truth <= high for truth, (low, high) in zip(actual.tolist(), limits, strict=True)]
    return sum(held) / len(held)


def _quantile(errors: Vector) -> float:
    """The smallest error that leaves at most a tenth above it, counting the new row among the rows."""
    import numpy as np

    rank = int(np.ceil(LEVEL * (len(errors) + 1)))
    return float(np.sort(errors)[min(rank, len(errors)) - 1])
