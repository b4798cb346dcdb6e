"""`python tools VERB`: what `dev` does before anything is installed, with the standard library alone."""

import sys
from pathlib import Path

try:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

    from tools.main import main

    sys.exit(main(sys.argv[1:]))
except KeyboardInterrupt:  # `dev` says so
    sys.exit(130)
