"""Entry of `.venv/bin/mlops`: puts the project and the contract package on the path."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[0:1] = [str(ROOT), str(ROOT / "assets" / "shared" / "python")]

from cli.main import main  # noqa: E402  (the path comes first)

main()
