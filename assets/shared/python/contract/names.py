"""Names that are safe as XGBoost features, as SQL columns on Spark and DuckDB, and in AWS resource names."""

from __future__ import annotations

import re

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
# With `mlops-<stage>-` and a version it has to fit into 63 characters: stacks check the whole, with each environment.
# AWS takes a hyphen for the underscore, and none at the end of a name.
MODEL_NAME = re.compile(r"(?!.{41})[a-z][a-z0-9]*(_[a-z0-9]+)*")
# What the multi-model endpoint is named by.
SHARED_ENDPOINT = "multi_model"
# Names that no model may have, and what they are taken for.
RESERVED_MODELS = {
    "batch": "is the folder of the files to predict",  # beside the folders of the models, in the raw bucket
    SHARED_ENDPOINT: "names the endpoint that models share",
}

# Columns that a batch adds to its rows.
PREDICTION, PREDICTION_LABEL, PREDICTION_ERROR = "prediction", "prediction_label", "prediction_error"

# Columns that the data set or a batch adds.
RESERVED = frozenset(
    (*("row_id", "target", "split", "line", "reason"), *(PREDICTION, PREDICTION_LABEL, PREDICTION_ERROR))
)


def name_problem(name: str) -> str | None:
    """Why `name` cannot be a column, or None."""
    if not NAME.fullmatch(name):
        return "a column name must start with a letter and hold at most 63 lower case letters, digits and _"
    if name in RESERVED:
        return "the name is reserved; rename the column"
    return None


def slug(text: str) -> str:
    """`<1H OCEAN` becomes `1h_ocean`."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_") or "level"
