"""Loads a function's modules anew, as the Lambda runtime does: they read their environment as they are imported."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from contract import load_all
from tests.contracts import MODELS

ROOT = Path(__file__).resolve().parents[3]
AWS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_REGION": "eu-west-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def load_function(name: str, environment: Mapping[str, str]) -> SimpleNamespace:
    """Fresh modules by name (`.handler`, `.logic`), with the models that the layer carries."""
    folder = ROOT / "assets" / "lambda"
    names = sorted(path.stem for path in (folder / name).glob("*.py"))
    bundled = mock.patch("contract.bundled", return_value=load_all(MODELS))
    path = mock.patch.object(sys, "path", [str(folder), *sys.path])
    for known in [module for module in sys.modules if module.split(".")[0] == name]:
        del sys.modules[known]
    with path, bundled, mock.patch.dict(os.environ, {**AWS, **environment}):
        modules = {module: importlib.import_module(f"{name}.{module}") for module in names}
    return SimpleNamespace(**modules)
