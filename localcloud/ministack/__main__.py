"""What the local cloud uses of MiniStack, and how another release of it differs."""

import argparse
import difflib
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from localcloud.ministack import baseline, sources
from localcloud.ministack.uses import PACKAGE, counts, python_files, uses

LOCALCLOUD = Path(__file__).resolve().parents[1]


def _count(arguments: argparse.Namespace) -> int:
    found = counts(uses(path for folder in arguments.folders for path in python_files(folder)))
    _print(f"{count:5} {name}" for name, count in asdict(found).items())
    return 0


def _compare(arguments: argparse.Namespace) -> int:
    """1 when something differs, so that a workflow can tell."""
    known = baseline.read()
    root = (arguments.root or baseline.installed_root()).resolve()
    found = baseline.differences(root, known)
    _print(f"{one.kind:10} {one.name}" for one in found)
    for one in found if arguments.old else ():
        _print(_changes(arguments.old.resolve(), root, one.name))
    _print([f"{len(found)} of {len(known.hooks)} internals differ from MiniStack {known.release}"])
    return 1 if found else 0


def _changes(old: Path, new: Path, name: str) -> Iterator[str]:
    yield ""
    yield from difflib.unified_diff(_lines(old, name), _lines(new, name), name, name, lineterm="")


def _lines(root: Path, name: str) -> list[str]:
    found = sources.definition(root, name)
    return found.text.splitlines() if found else []


def _record(arguments: argparse.Namespace) -> int:
    root = arguments.root or baseline.installed_root()
    found = baseline.record(root.resolve(), arguments.release or baseline.installed_release())
    baseline.write(found)
    _print([f"{len(found.hooks)} internals of MiniStack {found.release} are in {baseline.FILE.name}"])
    return 0


def _print(lines: Iterator[str] | list[str]) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m localcloud.ministack", description=__doc__)
    verbs = parser.add_subparsers(required=True)
    verb = verbs.add_parser("uses", help="count what source names inside MiniStack")
    verb.add_argument("folders", nargs="*", type=Path, default=[LOCALCLOUD])
    verb.set_defaults(run=_count)
    verb = verbs.add_parser("compare", help="name what differs from the release that the verbs were written against")
    verb.add_argument("--root", type=Path, help=f"the folder `{PACKAGE}` of another release; else the installed one")
    verb.add_argument("--old", type=Path, help="the folder of the release before: shows each change against it")
    verb.set_defaults(run=_compare)
    verb = verbs.add_parser("record", help="take the installed release for the one that the verbs are written against")
    verb.add_argument("--root", type=Path, help=f"the folder `{PACKAGE}` of another release")
    verb.add_argument("--release", help="which release that is")
    verb.set_defaults(run=_record)
    arguments = parser.parse_args()
    return int(arguments.run(arguments))


if __name__ == "__main__":
    sys.exit(main())
