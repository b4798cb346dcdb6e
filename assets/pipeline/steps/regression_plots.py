"""Plots of a regression: predictions beside actual values, and errors along them."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from contract import Target
from steps.figures import ACCENT, GREY, INK, new_axes, short, thousands
from steps.metrics import Vector
from steps.wording import title

MAX_POINTS = 5000
DECILES = 10


def predicted_vs_actual(actual: Vector, predicted: Vector, target: Target) -> Figure:
    figure, axes = new_axes(5.0, 4.6)
    step = -(-len(actual) // MAX_POINTS)
    axes.scatter(actual[::step], predicted[::step], s=6, color=ACCENT, alpha=0.25, linewidths=0)
    ends = [min(actual.min(), predicted.min()), max(actual.max(), predicted.max())]
    axes.plot(ends, ends, color=INK, linewidth=1, linestyle="--")
    axes.set_title("Predicted and actual, test rows")
    axes.set_xlabel(f"Actual {_name(target)}")
    axes.set_ylabel(f"Predicted {_name(target)}")
    axes.grid(visible=True)
    thousands(axes, "both")
    return figure


def residuals_by_decile(actual: Vector, predicted: Vector, target: Target) -> Figure:
    """Boxes hold half of the rows of a tenth of the predictions, whiskers nine tenths."""
    figure, axes = new_axes(6.4, 4.0)
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
    labels = [short(float(predicted[part].mean())) for part in groups]
    axes.set_xticks(range(1, len(groups) + 1), labels=labels)
    axes.axhline(0, color=INK, linewidth=1, linestyle="--")
    axes.set_title("Errors by tenth of the predictions")
    axes.set_xlabel(f"Mean predicted {_name(target)}")
    axes.set_ylabel(f"Predicted - actual{_unit(target)}")
    axes.grid(visible=True, axis="y")
    thousands(axes, "y")
    return figure


def _name(target: Target) -> str:
    return f"{title(target.name).lower()}{_unit(target)}"


def _unit(target: Target) -> str:
    return f" ({target.unit})" if target.unit else ""
