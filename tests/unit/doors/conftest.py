"""The modules of the model and of the ETL job are found as where they run."""

from __future__ import annotations

import sys
from pathlib import Path

ASSETS = Path(__file__).resolve().parents[3] / "assets"
for folder in (ASSETS / "glue", ASSETS / "pipeline"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
