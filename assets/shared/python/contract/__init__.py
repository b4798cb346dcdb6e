"""The model contract: what a model.toml says, and what follows from it for a record, a row and a matrix."""

from contract.batch import (
    BATCH_PREFIX,
    MAX_BATCH_BYTES,
    FileRefusal,
    added_columns,
    batch_folder,
    batch_id,
    batch_layout,
    check_added,
    other_columns,
)
from contract.expression import Expression
from contract.feature import Feature
from contract.grammar import ExpressionError
from contract.loading import bundled, load, load_all
from contract.model import (
    Contract,
    Derived,
    Gate,
    Outliers,
    Quality,
    Split,
    Training,
)
from contract.names import PREDICTION_ERROR, SHARED_ENDPOINT
from contract.parsing import contract_of
from contract.problems import ContractError, Problem
from contract.reading import HEAD_BYTES, FileError, FileRules, decimal
from contract.recipe import Column, Recipe, RecipeError, columns_of, rounded
from contract.records import (
    MAX_INSTANCES,
    FieldError,
    as_sent,
    checked,
    csv_rows,
    example,
    faults,
    json_schema,
    validate,
)
from contract.serving import Scaling, Serving
from contract.target import Target

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
    "FileError",
    "FileRefusal",
    "FileRules",
    "Gate",
    "Outliers",
    "Problem",
    "Quality",
    "Recipe",
    "RecipeError",
    "Scaling",
    "Serving",
    "Split",
    "Target",
    "Training",
    "added_columns",
    "as_sent",
    "batch_folder",
    "batch_id",
    "batch_layout",
    "bundled",
    "check_added",
    "checked",
    "columns_of",
    "contract_of",
    "csv_rows",
    "decimal",
    "example",
    "faults",
    "json_schema",
    "load",
    "load_all",
    "other_columns",
    "rounded",
    "validate",
]
