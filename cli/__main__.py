"""Entry of `.venv/bin/mlops`: puts the project and the contract package on the path."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[0:1] = [str(ROOT), str(ROOT / "assets" / "shared" / "python")]

try:
    from cli.proxies import spare_loopback

    spare_loopback(os.environ)
    from cli.main import main

    main()
except KeyboardInterrupt:  # while the command is still loading, too
    sys.stderr.write("Interrupted.\n")
    sys.exit(130)
