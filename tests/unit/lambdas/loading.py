"""Loads a function's modules from its folder, as the Lambda runtime does: each function has a `handler` of its own."""

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
    folder = ROOT / "assets" / "lambda" / name
    names = sorted(path.stem for path in folder.glob("*.py"))
    bundled = mock.patch("contract.bundled", return_value=load_all(MODELS))
    path = mock.patch.object(sys, "path", [str(folder), *sys.path])
    _forget(names)
    with path, bundled, mock.patch.dict(os.environ, {**AWS, **environment}):
        modules = {module: importlib.import_module(module) for module in names}
    # The names are those of other functions too.
    _forget(names)
    return SimpleNamespace(**modules)


def _forget(names: list[str]) -> None:
    for name in names:
        sys.modules.pop(name, None)
