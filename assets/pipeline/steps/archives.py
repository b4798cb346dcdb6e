"""What is in a tar.gz, without a way out of the folder, on every Python.

The filters of `tarfile` came with 3.11.4, and their own holes were mended later.
"""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path, PurePosixPath


def unpack(archive: Path, folder: Path) -> None:
    """Plain files and folders, with no owner or mode of the archive's. Raises tarfile.TarError for any other member."""
    with tarfile.open(archive) as packed:
        for member in packed:
            target = folder / _inside(member.name)
            if member.isdir():
                target.mkdir(parents=True, exist_ok=True)
                continue
            content = packed.extractfile(member) if member.isreg() else None
            if content is None:
                raise tarfile.ExtractError(f"{member.name} is neither a file nor a folder")
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                shutil.copyfileobj(content, file)


def _inside(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise tarfile.ExtractError(f"{name} lies outside the archive's folder")
    return path
