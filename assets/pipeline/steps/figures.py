"""The look of every plot: one accent colour, everything else grey, units on the axes."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

ACCENT, INK, GREY, LIGHT = "#2563eb", "#1f2937", "#6b7280", "#e5e7eb"
STYLE: dict[Any, Any] = {
    # Names, units and levels are words: `US$ per m$` is no formula.
    "text.parse_math": False,
    "axes.edgecolor": LIGHT,
    "axes.labelcolor": GREY,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.titlesize": 11,
    "axes.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": LIGHT,
    "grid.linewidth": 0.6,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "figure.dpi": 120,
}


def new_axes(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def thousands(axes: Axes, which: str) -> None:
    formatter = FuncFormatter(lambda value, _: short(value))
    if which == "both":
        axes.xaxis.set_major_formatter(formatter)
    axes.yaxis.set_major_formatter(formatter)
