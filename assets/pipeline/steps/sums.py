"""SHA-256 sums of files: those that the manifest promises, and those that are found."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from steps.failures import StepError


def digest_of(path: Path) -> str:
    """SHA-256 of the bytes of a file, 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_sums(folder: Path, sums: Mapping[str, str]) -> None:
    """Raises StepError for a file that is not the one that the ETL job wrote. `sums`: by path below `folder`."""
    for name, wanted in sorted(sums.items()):
        path = folder / name
        # A file that is not there has an error of its own, where it is read.
        found = digest_of(path) if path.is_file() else wanted
        if found != wanted:
            raise StepError(
                f"{name} was changed after the ETL job wrote it: its SHA-256 is {found}, manifest.json says {wanted}; "
                "run the ETL job again"
            )
