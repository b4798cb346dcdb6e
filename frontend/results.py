"""A batch's outcome as tables: the predicted rows, and the refused ones with their reasons."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from frontend.answers import Model
from frontend.batches import Outcome
from frontend.batchfile import BatchFile
from frontend.formatting import title

REASON = "reason"
LARGE = 1000


def predicted_column(model: Model) -> str:
    """The number that was predicted: the target's value, or the probability of its positive level."""
    return f"predicted_{model.target.name}" if model.summary.task == "regression" else "probability"


def predicted_label(model: Model) -> str:
    """The heading of that column, with its unit."""
    if model.summary.task == "binary":
        return f"Probability of {model.target.levels[-1]}"
    unit = f" ({model.target.unit})" if model.target.unit else ""
    return f"Predicted {title(model.target.name).lower()}{unit}"


def readable(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """For the eye alone: whole numbers where they are large, four digits behind the point otherwise."""
    shown = frame.copy()
    for name in columns:
        if name in shown and pd.api.types.is_numeric_dtype(shown[name]):
            shown[name] = shown[name].round(0 if shown[name].abs().median() >= LARGE else 4)
    return shown


def results_frame(model: Model, file: BatchFile, outcome: Outcome) -> pd.DataFrame:
    """The file's rows that were predicted, in its order, with what was predicted in front."""
    rows = []
    for index in sorted(outcome.predictions):
        prediction = outcome.predictions[index]
        row: dict[str, object] = {predicted_column(model): prediction.value}
        if prediction.label is not None:
            row = {f"predicted_{model.target.name}": prediction.label, **row}
        if prediction.interval:
            row |= {"low": prediction.interval.low, "high": prediction.interval.high}
        rows.append({**row, **file.rows[index].cells})
    return pd.DataFrame(rows)


def rejected_frame(file: BatchFile, outcome: Outcome) -> pd.DataFrame:
    """line, reason, and the row as the file has it."""
    rows = []
    for index in sorted(outcome.rejects):
        reasons = "; ".join(f"{p.field} {p.reason}".strip() for p in outcome.rejects[index])
        rows.append({"line": file.rows[index].line, REASON: reasons, **file.rows[index].cells})
    return pd.DataFrame(rows)
