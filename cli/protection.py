"""Whether an environment keeps its data and versions: as its configuration says, never as some answer of AWS does."""

from __future__ import annotations

import json
import subprocess
import sys

from cli.errors import CliError
from cli.target import ROOT


def is_protected(stage: str) -> bool:
    """Raises CliError for an environment that the configuration does not have."""
    done = subprocess.run(
        [sys.executable, "-m", "stacks.protection"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise CliError(f"stacks/config.py cannot be read: {lines[-1] if lines else 'stacks.protection failed'}")
    known: dict[str, bool] = json.loads(done.stdout)
    if stage not in known:
        raise CliError(
            f"STAGES of stacks/config.py has no environment {stage}, so nothing says whether its data are to be kept.",
            f"It has {', '.join(known)}. Put {stage} back as it was, and run this again.",
        )
    return known[stage]
