"""The evaluation's plots as PNG: those of the task, and what the model looks at."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from contract import Contract
from steps.figures import ACCENT, STYLE, new_axes
from steps.metrics import Vector
from steps.tasks import evaluation_of

MOST_IMPORTANT = 15


def draw(
    folder: Path, *, actual: Vector, predicted: Vector, importance: Mapping[str, float], contract: Contract
) -> list[str]:
    """Names of the files written."""
    with mpl.rc_context(STYLE):
        figures = {
            **evaluation_of(contract).figures(actual, predicted, contract.target),
            "feature_importance.png": _feature_importance(importance),
        }
        for name, figure in figures.items():
            # The version of matplotlib in the metadata would make equal plots differ.
            figure.savefig(folder / name, metadata={"Software": None})
    return list(figures)


def _feature_importance(importance: Mapping[str, float]) -> Figure:
    figure, axes = new_axes(6.4, 4.4)
    total = sum(importance.values()) or 1.0
    chosen = sorted(importance.items(), key=lambda item: (-item[1], item[0]))[:MOST_IMPORTANT][::-1]
    axes.barh([name for name, _ in chosen], [100 * value / total for _, value in chosen], color=ACCENT, height=0.65)
    axes.set_title("Most important model inputs")
    axes.set_xlabel("Share of the total gain (%)")
    axes.grid(visible=True, axis="x")
    return figure
