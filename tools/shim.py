"""`mlops` on the user's PATH: a small script that asks the project where it lies."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from tools.commands import CommandError, run, say
from tools.environments import MAIN, ROOT

MARK = "# Made by `./dev install`."
SHELLS = ("bash", "zsh", "fish")
INSTALL_COMPLETION = """
import sys
from typer.completion import install
print(install(shell=sys.argv[1], prog_name="mlops", complete_var="_MLOPS_COMPLETE")[1])
"""


def install(folder: Path | None, *, completion: bool) -> None:
    """Write the script, and completion for the user's shell. Raises CommandError where another one is in the way."""
    folder = (folder or Path(os.environ.get("XDG_BIN_HOME") or Path.home() / ".local" / "bin")).expanduser().absolute()
    script = folder / "mlops"
    if (script.exists() or script.is_symlink()) and not _ours(script):
        raise CommandError(f"{script} is there and not ours: remove it, or name another folder: ./dev install FOLDER")
    folder.mkdir(parents=True, exist_ok=True)
    script.write_text(text(ROOT))
    script.chmod(0o755)
    say(f"Wrote {script}.")
    if str(folder) not in os.environ.get("PATH", "").split(os.pathsep):
        say(f'{folder} is not on your PATH: add the line export PATH="{folder}:$PATH" to the start file of your shell.')
    if completion:
        _complete()


def _ours(script: Path) -> bool:
    try:
        return MARK in script.read_text()
    except (OSError, UnicodeDecodeError):
        return False


def text(root: Path) -> str:
    dev = shlex.quote(str(root / "dev"))
    gone = shlex.quote(f"mlops: the project is no longer at {root}. Run ./dev install in its new place.")
    return f'#!/bin/sh\n{MARK}\nif [ ! -x {dev} ]; then\n\techo {gone} >&2\n\texit 1\nfi\nexec {dev} mlops "$@"\n'


def _complete() -> None:
    """Typer's own mechanism; it writes to the start file of the shell, or to a folder of completions."""
    shell = Path(os.environ.get("SHELL", "")).name
    if shell not in SHELLS:
        say(f"No completion: {shell or 'the shell'} is none of {', '.join(SHELLS)}.")
        return
    where = run([MAIN / "bin" / "python", "-c", INSTALL_COMPLETION, shell]).strip()
    say(f"Completion for {shell} is in {where}; it works in the next shell.")
