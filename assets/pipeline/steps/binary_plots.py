"""Plots of a binary classifier: the ROC curve, and predicted probabilities beside the shares that came true."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from steps.figures import ACCENT, GREY, INK, new_axes
from steps.metrics import Vector, auc

BINS = 10


def roc_curve(actual: Vector, predicted: Vector, negative_level: str, positive_level: str) -> Figure:
    figure, axes = new_axes(5.0, 4.6)
    order = np.argsort(-predicted, kind="stable")
    # A step for each distinct score: rows that share one are told apart by nothing.
    last = np.append(np.flatnonzero(np.diff(predicted[order])), len(order) - 1)
    positive = np.append(0, np.cumsum(actual[order])[last])
    negative = np.append(0, np.cumsum(1 - actual[order])[last])
    axes.plot(negative / negative[-1], positive / positive[-1], color=ACCENT, linewidth=1.6)
    axes.plot([0, 1], [0, 1], color=INK, linewidth=1, linestyle="--")
    axes.set_title(f"ROC curve, test rows (AUC {auc(actual, predicted):.4f})")
    axes.set_xlabel(f"Share of {negative_level} rows called {positive_level}")
    axes.set_ylabel(f"Share of {positive_level} rows found")
    axes.grid(visible=True)
    return figure


def calibration(actual: Vector, predicted: Vector, positive_level: str) -> Figure:
    """Rows in bins of equal width; the area of a point grows with the rows in it."""
    figure, axes = new_axes(5.0, 4.6)
    place = np.minimum((predicted * BINS).astype(int), BINS - 1)
    rows = np.bincount(place, minlength=BINS)
    used = rows > 0
    mean = np.bincount(place, predicted, BINS)[used] / rows[used]
    share = np.bincount(place, actual, BINS)[used] / rows[used]
    axes.plot([0, 1], [0, 1], color=INK, linewidth=1, linestyle="--")
    axes.plot(mean, share, color=GREY, linewidth=0.8)
    axes.scatter(mean, share, s=20 + 280 * rows[used] / rows.sum(), color=ACCENT, alpha=0.8, linewidths=0)
    axes.set_title("Calibration, test rows")
    axes.set_xlabel(f"Predicted probability of {positive_level}")
    axes.set_ylabel(f"Share of rows that are {positive_level}")
    axes.grid(visible=True)
    return figure
