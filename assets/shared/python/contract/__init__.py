"""The model contract: what a model.toml says, and what follows from it for a record, a row and a matrix."""

from contract.batch import BATCH_PREFIX, MAX_BATCH_BYTES, added_columns, batch_columns, batch_folder, batch_id
from contract.expression import Expression
from contract.grammar import ExpressionError
from contract.header import HEAD_BYTES, Header, HeaderError, read_header, split_fields
from contract.loading import bundled, load, load_all
from contract.model import (
    Contract,
    ContractError,
    Derived,
    Feature,
    Gate,
    Outliers,
    Problem,
    Quality,
    Scaling,
    Serving,
    Split,
    Target,
    Training,
)
from contract.names import PREDICTION_ERROR, SHARED_ENDPOINT
from contract.recipe import Column, Recipe, RecipeError, columns_of, rounded
from contract.records import (
    MAX_INSTANCES,
    FieldError,
    RecordError,
    decimal,
    faults,
    json_schema,
    parse_csv,
    read_record,
    validate,
)

__all__ = [
    "BATCH_PREFIX",
    "HEAD_BYTES",
    "MAX_BATCH_BYTES",
    "MAX_INSTANCES",
    "PREDICTION_ERROR",
    "SHARED_ENDPOINT",
    "Column",
    "Contract",
    "ContractError",
    "Derived",
    "Expression",
    "ExpressionError",
    "Feature",
    "FieldError",
    "Gate",
    "Header",
    "HeaderError",
    "Outliers",
    "Problem",
    "Quality",
    "Recipe",
    "RecipeError",
    "RecordError",
    "Scaling",
    "Serving",
    "Split",
    "Target",
    "Training",
    "added_columns",
    "batch_columns",
    "batch_folder",
    "batch_id",
    "bundled",
    "columns_of",
    "decimal",
    "faults",
    "json_schema",
    "load",
    "load_all",
    "parse_csv",
    "read_header",
    "read_record",
    "rounded",
    "split_fields",
    "validate",
]
