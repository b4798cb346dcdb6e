"""The model contract: what a model.toml says, and what follows from it for a record, a row and a matrix."""

from contract.expression import Expression
from contract.grammar import ExpressionError
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
from contract.names import SHARED_ENDPOINT
from contract.recipe import Column, Recipe, RecipeError, columns_of, rounded
from contract.records import MAX_INSTANCES, FieldError, RecordError, json_schema, parse_csv, validate

__all__ = [
    "MAX_INSTANCES",
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
    "bundled",
    "columns_of",
    "json_schema",
    "load",
    "load_all",
    "parse_csv",
    "rounded",
    "validate",
]
