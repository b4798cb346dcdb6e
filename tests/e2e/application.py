"""app.py with the environments of the tests: `python tests/e2e/application.py`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import app
from tests.contracts import MODELS
from tests.example import STAGES

if __name__ == "__main__":
    app.main(Path(os.environ.get("MODELS_DIR", MODELS)), delivery=None, stages=STAGES)
