"""`python -m localcloud.ministack uses [FOLDER ...]`: how much of MiniStack the source in these folders depends on."""

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

from localcloud.ministack.uses import counts, python_files, uses

LOCALCLOUD = Path(__file__).resolve().parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m localcloud.ministack", description=__doc__)
    verbs = parser.add_subparsers(required=True)
    verb = verbs.add_parser("uses", help="count what is named inside MiniStack")
    verb.add_argument("folders", nargs="*", type=Path, default=[LOCALCLOUD])
    arguments = parser.parse_args()
    found = counts(uses(path for folder in arguments.folders for path in python_files(folder)))
    sys.stdout.writelines(f"{count:5} {name}\n" for name, count in asdict(found).items())


if __name__ == "__main__":
    main()
