"""The verbs of `tools`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from tools import environments, shim, wheels
from tools.commands import CommandError, say


def main(arguments: Sequence[str]) -> int:
    """The exit code: 0, or 1 after a sentence that says what failed."""
    parser = argparse.ArgumentParser(prog="tools", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("uv", help="only the tools")
    verbs.add_parser("wheels", help="whether every machine finds wheels for what is locked")
    main_environment = verbs.add_parser("setup", help="the environment that runs the project")
    main_environment.add_argument("group", choices=environments.MAIN_GROUPS)
    other = verbs.add_parser("other", help="an environment of its own for a group")
    other.add_argument("group", choices=("parity", "audit"))
    install = verbs.add_parser("install", help="`mlops` on the user's PATH")
    install.add_argument("folder", nargs="?", type=Path, help="where; ~/.local/bin by default")
    install.add_argument("--no-completion", action="store_true", help="leave the shell's files alone")
    chosen = parser.parse_args(arguments)
    try:
        _carry_out(chosen)
    except (CommandError, OSError) as error:
        say(f"error: {error}")
        return 1
    return 0


def _carry_out(chosen: argparse.Namespace) -> None:
    if chosen.verb == "uv":
        environments.ensure_tools()
    elif chosen.verb == "wheels":
        wheels.check()
    elif chosen.verb == "setup":
        environments.ensure_main(chosen.group)
    elif chosen.verb == "other":
        environments.ensure(environments.ROOT / f".venv-{chosen.group}", chosen.group)
    else:
        shim.install(chosen.folder, completion=not chosen.no_completion)
