"""Runs first in every container process: hides import paths of the host that are no part of its environment.

An editable install of a project adds its folder to every interpreter of the environment; a container has no such thing.
"""

import os
import sys

_own = [sys.prefix, sys.base_prefix, sys.exec_prefix, *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
_roots = tuple(os.path.realpath(root) for root in _own if root)
sys.path[:] = [entry for entry in sys.path if os.path.realpath(entry).startswith(_roots)]
