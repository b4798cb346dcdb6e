"""Which commit of its repository the application is, as far as that can be told."""

import subprocess
from pathlib import Path

UNKNOWN = "unknown"


def commit_of(root: Path) -> str:
    """HEAD of the checkout in `root`, 40 digits, with `-dirty` where files were changed or added since.

    "unknown" without git, and where `root` only lies within a repository that knows nothing of it.
    """
    try:
        # A repository around it, of somebody's home folder say, has the application's files only if it keeps them.
        _git(root, "ls-files", "--error-unmatch", "app.py")
        head = _git(root, "rev-parse", "--verify", "HEAD").strip()
        return f"{head}-dirty" if _git(root, "status", "--porcelain", "--", ".") else head
    except (OSError, subprocess.CalledProcessError):
        return UNKNOWN


def _git(root: Path, *arguments: str) -> str:
    """Without locks: whoever works in the repository at the same time is not disturbed."""
    command = ["git", "--no-optional-locks", "-C", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
