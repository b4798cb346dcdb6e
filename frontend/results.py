"""A batch's outcome as tables: the predicted rows, and the refused ones with their reasons."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import pandas as pd

from frontend.answers import Model
from frontend.batches import Outcome
from frontend.batchfile import BatchFile
from frontend.outputs import HIGH, LOW, output_of

VERSION = "model_version"
LINE, REASON = "line", "reason"
LARGE = 1000
GIVEN = " (given)"


def added_columns(model: Model, outcome: Outcome) -> tuple[str, ...]:
    """What a predicted row may get beside its own columns; its version where several answered."""
    output = output_of(model)
    return (output.predicted, *output.beside, *((VERSION,) if len(outcome.versions) > 1 else ()))


def apart(given: Collection[str], added: Collection[str]) -> dict[str, str]:
    """A new name for each given column that is named as an added one: `low` becomes `low (given)`."""
    names = {*given, *added}
    renamed = {}
    for name in given:
        if name in added:
            renamed[name] = _free(name, names)
            names.add(renamed[name])
    return renamed


def readable(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """For the eye alone: whole numbers where they are large, four digits behind the point otherwise."""
    shown = frame.copy()
    for name in columns:
        if name in shown and pd.api.types.is_numeric_dtype(shown[name]):
            shown[name] = shown[name].round(0 if shown[name].abs().median() >= LARGE else 4)
    return shown


def results_frame(model: Model, file: BatchFile, outcome: Outcome) -> pd.DataFrame:
    """The file's rows that were predicted, in its order, with what was predicted in front."""
    added, output = added_columns(model, outcome), output_of(model)
    renamed = apart(file.columns, added)
    rows = []
    for index in sorted(outcome.predictions):
        prediction = outcome.predictions[index]
        row: dict[str, object] = {output.column: prediction.value}
        if prediction.label is not None:
            row = {output.predicted: prediction.label, **row}
        if prediction.interval:
            row |= {LOW: prediction.interval.low, HIGH: prediction.interval.high}
        if VERSION in added:
            row[VERSION] = outcome.answered[index]
        rows.append({**row, **_own(file.rows[index].cells, renamed)})
    return pd.DataFrame(rows)


def places_frame(file: BatchFile, outcome: Outcome, longitude: str, latitude: str) -> pd.DataFrame:
    """Where the predicted rows lie, and what was predicted: two coordinates and a number."""
    rows = [
        (file.rows[index].instance.get(longitude), file.rows[index].instance.get(latitude), prediction.value)
        for index, prediction in outcome.predictions.items()
    ]
    return pd.DataFrame(rows, columns=["longitude", "latitude", "value"]).dropna()


def rejected_frame(file: BatchFile, outcome: Outcome) -> pd.DataFrame:
    """line, reason, and the row as the file has it."""
    renamed = apart(file.columns, (LINE, REASON))
    rows = []
    for index in sorted(outcome.rejects):
        reasons = "; ".join(f"{p.field} {p.reason}".strip() for p in outcome.rejects[index])
        own = _own(file.rows[index].cells, renamed)
        rows.append({LINE: file.rows[index].line, REASON: reasons, **own})
    return pd.DataFrame(rows)


def _own(cells: Mapping[str, object], renamed: Mapping[str, str]) -> dict[str, object]:
    return {renamed.get(name, name): cell for name, cell in cells.items()}


def _free(name: str, taken: Collection[str]) -> str:
    while name in taken:
        name += GIVEN
    return name
