"""Where the contracts of the tests stand: those of the application that they are about, and those of real files."""

from __future__ import annotations

from pathlib import Path

DATA = Path(__file__).resolve().parent / "data"
# Copies of the models that ship.
MODELS = DATA / "example"
# For public data sets as they are.
REAL = DATA / "models"
