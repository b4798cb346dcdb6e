"""Golden rows: test rows with the answers that a deployed model must give to them."""

from __future__ import annotations

from typing import Any

import numpy as np

from contract import as_sent
from steps.dataset import RawRows
from steps.trained import TrainedModel

FILE = "golden.json"
ROWS = 20
TOLERANCE = 1e-6  # relative: other processors may round the last digits of a single in another way


def golden(model: TrainedModel, raw: RawRows) -> dict[str, Any]:
    """golden.json: records as requests bring them, evenly spread over the test rows, which a hash has ordered.

    Each record once: they tell one model from another, and an equal row tells nothing more.
    """
    distinct = raw.distinct()
    places = sorted(set(np.linspace(0, len(distinct) - 1, ROWS).round().astype(int).tolist()))
    records = raw.records([distinct[place] for place in places])
    predictions = model.predict(model.recipe.apply(records))
    instances = [as_sent(model.contract, record) for record in records]
    return {"version": 1, "instances": instances, "predictions": predictions.tolist(), "tolerance": TOLERANCE}
