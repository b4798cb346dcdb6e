"""Files that nobody but their owner reads, at no moment."""

import os
import tempfile
from pathlib import Path
from typing import TextIO


def private_folder(folder: Path) -> Path:
    """The folder, made when it is missing, closed to everybody else."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder


def open_private(path: Path) -> TextIO:
    """The file, emptied, for its owner to write and nobody else to read."""
    path.unlink(missing_ok=True)
    return open(path, "x", opener=lambda name, flags: os.open(name, flags, 0o600))


def write_private(path: Path, text: str) -> None:
    """Replace the file in one step by one that only its owner reads."""
    number, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(number, "w") as file:
            file.write(text)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
