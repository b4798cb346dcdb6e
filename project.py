"""What this project calls itself: project.toml."""

from __future__ import annotations

import os
import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_name("project.toml")
# No hyphen: after `<project>-<environment>-`, no name of one project starts like one of another. Event buses keep
# sources that begin with aws for AWS.
NAME = re.compile(r"(?!aws)[a-z][a-z0-9]{0,11}")
KEYS = {
    "name": "1 to 12 small letters and digits, a letter first, and not aws in front",
    "model": "the name of a folder of models/",
    "environment": "the name of one of STAGES in stacks/config.py",
}


class ProjectError(Exception):
    """One sentence: the file, the key and what to write."""


@dataclass(frozen=True)
class Project:
    """`name`: what the names of everything in AWS start with. `model` and `environment`: those of a command that names
    none.
    """

    name: str
    model: str
    environment: str


def read(path: Path) -> Project:
    """Raises ProjectError."""
    try:
        found = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise ProjectError(f"{path.name}: {error}") from error
    if unknown := sorted(found.keys() - KEYS.keys()):
        raise ProjectError(f"{path.name}: {unknown[0]} is unknown: use {', '.join(KEYS)}")
    for key, words in KEYS.items():
        value = found.get(key)
        if not isinstance(value, str) or not value or (key == "name" and not NAME.fullmatch(value)):
            raise ProjectError(f"{path.name}: {key} is {value!r}: use {words}")
    return Project(**found)


def _own() -> Project:
    """PROJECT_FILE: another one than that of the tree."""
    try:
        return read(Path(os.environ.get("PROJECT_FILE", FILE)))
    except ProjectError as error:
        sys.exit(str(error))


PROJECT = _own()
