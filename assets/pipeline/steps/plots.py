"""The evaluation's plots as PNG: one accent colour, everything else grey, units on the axes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from contract import Target
from steps.wording import title

ACCENT, INK, GREY, LIGHT = "#2563eb", "#1f2937", "#6b7280", "#e5e7eb"
MAX_POINTS = 5000
MOST_IMPORTANT = 15
DECILES = 10
STYLE: dict[Any, Any] = {
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

Vector = NDArray[np.float64]


def draw(
    folder: Path, *, actual: Vector, predicted: Vector, importance: Mapping[str, float], target: Target
) -> list[str]:
    """Names of the files written."""
    with mpl.rc_context(STYLE):
        figures = {
            "predicted_vs_actual.png": _predicted_vs_actual(actual, predicted, target),
            "residuals_by_decile.png": _residuals_by_decile(actual, predicted, target),
            "feature_importance.png": _feature_importance(importance),
        }
        for name, figure in figures.items():
            # The version of matplotlib in the metadata would make equal plots differ.
            figure.savefig(folder / name, metadata={"Software": None})
    return list(figures)


def _predicted_vs_actual(actual: Vector, predicted: Vector, target: Target) -> Figure:
    figure, axes = _axes(5.0, 4.6)
    step = -(-len(actual) // MAX_POINTS)
    axes.scatter(actual[::step], predicted[::step], s=6, color=ACCENT, alpha=0.25, linewidths=0)
    ends = [min(actual.min(), predicted.min()), max(actual.max(), predicted.max())]
    axes.plot(ends, ends, color=INK, linewidth=1, linestyle="--")
    axes.set_title("Predicted and actual, test rows")
    axes.set_xlabel(f"Actual {_name(target)}")
    axes.set_ylabel(f"Predicted {_name(target)}")
    axes.grid(visible=True)
    _thousands(axes, "both")
    return figure


def _residuals_by_decile(actual: Vector, predicted: Vector, target: Target) -> Figure:
    """Boxes hold half of the rows of a tenth of the predictions, whiskers nine tenths."""
    figure, axes = _axes(6.4, 4.0)
    groups = [part for part in np.array_split(np.argsort(predicted, kind="stable"), DECILES) if len(part)]
    axes.boxplot(
        [predicted[part] - actual[part] for part in groups],
        whis=(5, 95),
        showfliers=False,
        patch_artist=True,
        widths=0.6,
        boxprops={"facecolor": ACCENT, "alpha": 0.25, "edgecolor": ACCENT},
        medianprops={"color": ACCENT, "linewidth": 1.6},
        whiskerprops={"color": GREY},
        capprops={"color": GREY},
    )
    labels = [_short(float(predicted[part].mean())) for part in groups]
    axes.set_xticks(range(1, len(groups) + 1), labels=labels)
    axes.axhline(0, color=INK, linewidth=1, linestyle="--")
    axes.set_title("Errors by tenth of the predictions")
    axes.set_xlabel(f"Mean predicted {_name(target)}")
    axes.set_ylabel(f"Predicted - actual ({target.unit})")
    axes.grid(visible=True, axis="y")
    _thousands(axes, "y")
    return figure


def _feature_importance(importance: Mapping[str, float]) -> Figure:
    figure, axes = _axes(6.4, 4.4)
    total = sum(importance.values()) or 1.0
    chosen = sorted(importance.items(), key=lambda item: (-item[1], item[0]))[:MOST_IMPORTANT][::-1]
    axes.barh([name for name, _ in chosen], [100 * value / total for _, value in chosen], color=ACCENT, height=0.65)
    axes.set_title("Most important model inputs")
    axes.set_xlabel("Share of the total gain (%)")
    axes.grid(visible=True, axis="x")
    return figure


def _axes(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _name(target: Target) -> str:
    return f"{title(target.name).lower()} ({target.unit})"


def _thousands(axes: Axes, which: str) -> None:
    formatter = FuncFormatter(lambda value, _: _short(value))
    if which == "both":
        axes.xaxis.set_major_formatter(formatter)
    axes.yaxis.set_major_formatter(formatter)
