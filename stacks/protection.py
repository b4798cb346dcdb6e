"""python -m stacks.protection: whether each environment keeps its data and versions, as JSON, by its name."""

import json
import sys

from stacks.config import STAGES

if __name__ == "__main__":
    sys.stdout.write(json.dumps({config.name: config.protected for config in STAGES}))
