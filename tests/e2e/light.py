"""The shipped model's contract with a model that trains in a moment: for tests of what becomes of a model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from tests.contracts import MODELS

MODEL = "california_housing"
# The derived features of where a house lies, of which there are many.
PLACES = r"^(#.*\n)?(east|north|from|to)_\w+ = .*\n"
LIGHT = {r"rounds = \d+": "rounds = 60", r"eta = [\d.]+": "eta = 0.3", r"max = 60000\.0": "max = 100000.0"}


def write_model(folder: Path, name: str = MODEL, *, changes: Mapping[str, str] | None = None) -> None:
    """Write `folder/name/model.toml`. `changes`: pattern of a line to what stands there instead."""
    text = (MODELS / MODEL / "model.toml").read_text()
    for old, new in {f'name = "{MODEL}"': f'name = "{name}"', **LIGHT, **(changes or {})}.items():
        text, changed = re.subn(f"^{old}$", new, text, count=1, flags=re.MULTILINE)
        assert changed, old
    text = re.sub(PLACES, "", text, flags=re.MULTILINE)
    (folder / name).mkdir(exist_ok=True)
    (folder / name / "model.toml").write_text(text)
