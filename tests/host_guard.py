"""Fails when a tracked file names a package registry's host or a path of somebody's machine."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Spelled in halves, so that this file passes its own guard.
HOSTS = ("pypi" + ".org", "python" + "hosted", "registry." + "npmjs", "deb." + "debian.org", "registry." + "yarnpkg")
PATHS = (r"/work" + r"/", r"/farm" + r"/", r"/home/" + r"\w+/", r"/root" + r"/", r"/Users/" + r"\w+/")
PATTERN = re.compile("|".join([*map(re.escape, HOSTS), *(rf"(?<![\w.]){path}" for path in PATHS)]))


def tracked_files() -> list[Path]:
    """What git tracks and what it would: new files that are not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [path for path in map(ROOT.joinpath, listed.splitlines()) if path.is_file()]


def findings(text: str) -> list[tuple[int, str]]:
    """Line number and match of everything in the text that should not be there."""
    return [(n, m[0]) for n, line in enumerate(text.splitlines(), 1) for m in PATTERN.finditer(line)]


def main() -> int:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {match}"
        for path in tracked_files()
        for line, match in findings(path.read_text(errors="replace"))
    ]
    sys.stdout.writelines(f"{line}\n" for line in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
